package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.connection.LoopSink;
import org.tsnext.http.response.HandlerResponseHeaders;
import org.tsnext.http.response.Response;

/** Renders the answer of a model to the client. */
class InferenceSink extends LoopSink {

  final Exchange exchange;
  private final List<Header> ours;
  private boolean streaming;

  InferenceSink(Exchange exchange) {
    this(exchange, List.of());
  }

  /**
   * @param ours headers beside those that the model sets, instead of which they stand
   */
  InferenceSink(Exchange exchange, List<Header> ours) {
    super(exchange.loop());
    this.exchange = exchange;
    this.ours = ours;
  }

  @Override
  protected void onComplete(ResponseHead head, ByteBuf body) {
    List<Header> headers;
    try {
      headers = withOurs(HandlerResponseHeaders.checked(head));
    } catch (ServingException e) {
      body.release();
      exchange.fail(e);
      return;
    }
    exchange.send(
        new Response(
            HandlerResponseHeaders.status(head),
            head.reason(),
            Optional.of(HandlerResponseHeaders.contentType(head)),
            headers,
            body));
  }

  @Override
  protected void onChunk(ResponseHead head, ByteBuf body) {
    if (!streaming && !begin(head)) {
      body.release();
      return;
    }
    exchange.writeChunk(body);
  }

  /** Begins the stream; if the head cannot be sent, the model is told as if the client had left. */
  private boolean begin(ResponseHead head) {
    List<Header> headers;
    try {
      headers = new ArrayList<>(withOurs(HandlerResponseHeaders.checked(head)));
    } catch (ServingException e) {
      exchange.cancelCall();
      exchange.fail(e);
      return false;
    }
    headers.add(HandlerResponseHeaders.STREAM_NEXT);
    streaming =
        exchange.beginStream(
            HandlerResponseHeaders.status(head),
            head.reason(),
            HandlerResponseHeaders.contentType(head),
            headers);
    return streaming;
  }

  @Override
  protected void onEnd(ByteBuf body) {
    exchange.writeChunk(body);
    exchange.endStream();
  }

  @Override
  protected void onFail(ServingException error) {
    exchange.fail(error);
  }

  private List<Header> withOurs(List<Header> ofModel) {
    if (ours.isEmpty()) {
      return ofModel;
    }
    List<Header> all = new ArrayList<>(ours);
    for (Header header : ofModel) {
      if (ours.stream().noneMatch(own -> own.name().equalsIgnoreCase(header.name()))) {
        all.add(header);
      }
    }
    return all;
  }
}
