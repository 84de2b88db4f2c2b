package org.tsnext.grpc.management;

import io.netty.buffer.ByteBuf;
import org.tsnext.api.CustomizedDescription;
import org.tsnext.api.Json;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.grpc.call.HandlerMetadata;
import org.tsnext.grpc.call.RunningCall;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.call.UnarySink;
import org.tsnext.grpc.messages.management.ManagementResponse;

/** Answers with a description once the handler has said what it adds. */
final class RpcDescriptionSink extends UnarySink<ManagementResponse> {

  private final CustomizedDescription description;

  /**
   * @param limit bytes that the handler may say
   */
  RpcDescriptionSink(
      UnaryExchange<ManagementResponse> exchange,
      RunningCall running,
      int limit,
      CustomizedDescription description) {
    super(exchange, running, limit);
    this.description = description;
  }

  @Override
  protected void respond(ResponseHead head, ByteBuf body) {
    try {
      description.add(body);
    } catch (ServingException e) {
      exchange().fail(e);
      return;
    }
    String json = Json.text(description.json());
    exchange().send(ManagementService.response(json), HandlerMetadata.trailers(head));
  }
}
