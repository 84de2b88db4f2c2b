package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.response.HandlerResponseHeaders;
import org.tsnext.http.response.Response;
import org.tsnext.http.tensor.BinaryOutputs;
import org.tsnext.http.tensor.BinaryResponse;
import org.tsnext.http.tensor.TensorRequest;

/** Renders the response of a model to a client that wants tensors as binary data. */
final class TensorSink extends InferenceSink {

  private static final String BINARY = "application/octet-stream";

  private final BodyConversions conversions;
  private final BinaryOutputs wanted;
  private final String id;

  /**
   * @param id of the request, for a handler that says none
   */
  TensorSink(Exchange exchange, BodyConversions conversions, BinaryOutputs wanted, String id) {
    super(exchange);
    this.conversions = conversions;
    this.wanted = wanted;
    this.id = id;
  }

  /** A response with a status of its own, such as an error of the handler, has no tensors. */
  @Override
  protected void onComplete(ResponseHead head, ByteBuf body) {
    int status = HandlerResponseHeaders.status(head);
    if (status < 200 || status > 299) {
      super.onComplete(head, body);
      return;
    }
    conversions.convert(
        exchange,
        body,
        json -> BinaryResponse.of(json, id, wanted),
        response -> send(head, response));
  }

  private void send(ResponseHead head, BinaryResponse response) {
    List<Header> headers;
    try {
      headers = new ArrayList<>(HandlerResponseHeaders.checked(head));
    } catch (ServingException e) {
      response.body().release();
      throw e;
    }
    if (response.binary()) {
      headers.add(new Header(TensorRequest.HEADER, Integer.toString(response.jsonLength())));
    }
    exchange.send(
        new Response(
            HandlerResponseHeaders.status(head),
            head.reason(),
            Optional.of(response.binary() ? BINARY : Response.APPLICATION_JSON),
            headers,
            response.body()));
  }
}
