package org.tsnext.grpc.management;

import io.netty.buffer.ByteBuf;
import org.tsnext.api.CustomizedDescription;
import org.tsnext.api.Json;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.messages.management.ManagementResponse;

/** Answers with a description once the handler has said what it adds. */
final class CustomizedDescriptionSink implements ResponseSink {

  private final UnaryExchange<ManagementResponse> exchange;
  private final CustomizedDescription description;

  CustomizedDescriptionSink(
      UnaryExchange<ManagementResponse> exchange, CustomizedDescription description) {
    this.exchange = exchange;
    this.description = description;
  }

  @Override
  public void complete(ResponseHead head, ByteBuf body) {
    end(body);
  }

  @Override
  public void chunk(ResponseHead head, ByteBuf body) {
    add(body);
  }

  @Override
  public void end(ByteBuf body) {
    add(body);
    exchange.send(ManagementService.response(Json.text(description.json())));
  }

  @Override
  public void fail(ServingException error) {
    exchange.fail(error);
  }

  private void add(ByteBuf body) {
    try {
      description.add(body);
    } catch (ServingException e) {
      exchange.fail(e);
    }
  }
}
