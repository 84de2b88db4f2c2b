package org.tsnext.http.management;

import io.netty.buffer.ByteBuf;
import java.util.Optional;
import org.tsnext.api.CustomizedDescription;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.connection.LoopSink;
import org.tsnext.http.response.HandlerResponseHeaders;
import org.tsnext.http.response.Response;

/** Answers with a description once the handler has said what it adds. */
final class HttpDescriptionSink extends LoopSink {

  private final Exchange exchange;
  private final CustomizedDescription description;
  private ResponseHead first;

  HttpDescriptionSink(Exchange exchange, CustomizedDescription description) {
    super(exchange.loop());
    this.exchange = exchange;
    this.description = description;
  }

  @Override
  protected void onComplete(ResponseHead head, ByteBuf body) {
    collect(head, body);
    respond();
  }

  @Override
  protected void onChunk(ResponseHead head, ByteBuf body) {
    collect(head, body);
  }

  @Override
  protected void onEnd(ByteBuf body) {
    collect(ResponseHead.EMPTY, body);
    respond();
  }

  @Override
  protected void onFail(ServingException error) {
    exchange.fail(error);
  }

  private void collect(ResponseHead head, ByteBuf body) {
    if (first == null) {
      first = head;
    }
    try {
      description.add(body);
    } catch (ServingException e) {
      exchange.cancelCall();
      exchange.fail(e);
    }
  }

  private void respond() {
    try {
      exchange.send(
          new Response(
              first.status() == 0 ? 200 : first.status(),
              first.reason(),
              Optional.of(contentType()),
              HandlerResponseHeaders.checked(first),
              Response.encode(description.json())));
    } catch (ServingException e) {
      exchange.fail(e);
    }
  }

  /** The answer is JSON; only a type that the handler set itself is kept instead. */
  private String contentType() {
    boolean own =
        first.headers().stream().map(Header::name).anyMatch("content-type"::equalsIgnoreCase);
    return own ? HandlerResponseHeaders.contentType(first) : Response.APPLICATION_JSON;
  }
}
