package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaders;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.api.Parameters;
import org.tsnext.api.tensor.JsonBytes;
import org.tsnext.api.tensor.RawContents;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.core.request.InputPart;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;
import org.tsnext.http.tensor.TensorRequest;

/**
 * Predictions of the Open Inference Protocol, whose tensors may be binary data: the handler gets
 * the JSON that it gets without these. A request that neither has nor wants binary data is passed
 * on as it is.
 */
final class TensorHandler implements RouteHandler {

  /** A part of each word by which JSON speaks of binary data. */
  private static final ByteBuf MENTION =
      Unpooled.unreleasableBuffer(
          Unpooled.copiedBuffer("\"binary_data", StandardCharsets.US_ASCII).asReadOnly());

  private final PredictionHandler predictions;
  private final BodyConversions conversions;

  TensorHandler(PredictionHandler predictions, BodyConversions conversions) {
    this.predictions = predictions;
    this.conversions = conversions;
  }

  /**
   * A request that was looked at.
   *
   * @param body as it came, or JSON; not yet anyone's to release
   * @param tensors empty if it does not concern binary data
   */
  private record Converted(ByteBuf body, Optional<TensorRequest> tensors) {}

  @Override
  public void handle(RoutedRequest routed) {
    Exchange exchange = routed.exchange();
    OptionalLong headLength = headLength(exchange.headers());
    ByteBuf body = exchange.takeBody();
    if (headLength.isPresent()) {
      try {
        hold(exchange, body.readableBytes(), headLength.getAsLong());
      } catch (ServingException e) {
        body.release();
        throw e;
      }
    }
    conversions.convertRequest(
        exchange,
        body,
        whole -> headLength.isPresent() ? ofBoth(whole, headLength.getAsLong()) : ofJson(whole),
        converted -> submit(routed, converted),
        converted -> converted.body().release());
  }

  /** Until the exchange ends, there is room for the body and for what is made of it. */
  private void hold(Exchange exchange, int size, long headLength) {
    if (headLength > size) {
      throw badRequest(
          "The header "
              + TensorRequest.HEADER
              + " is "
              + headLength
              + ", but the body has "
              + size
              + " bytes.");
    }
    long json = headLength + RawContents.expectedJson((int) (size - headLength));
    exchange.hold(size + Math.min(json, conversions.maxJson()));
  }

  private Converted ofBoth(ByteBuf whole, long headLength) {
    int length = (int) headLength;
    ByteBuf head = whole.slice(whole.readerIndex(), length);
    ByteBuf binary = whole.slice(whole.readerIndex() + length, whole.readableBytes() - length);
    long expected = headLength + RawContents.expectedJson(binary.readableBytes());
    JsonBytes json = new JsonBytes(expected, conversions.maxJson());
    try {
      TensorRequest request = TensorRequest.read(head, Optional.of(binary), json);
      return new Converted(request.json().toBuffer(), Optional.of(request));
    } catch (IOException e) {
      throw badRequest(
          "The first "
              + headLength
              + " bytes of the body are no JSON object, as the header "
              + TensorRequest.HEADER
              + " says they are.");
    }
  }

  /** The client may want binary data although it sends none. */
  private static Converted ofJson(ByteBuf whole) {
    if (ByteBufUtil.indexOf(MENTION, whole) >= 0) {
      JsonBytes unused = new JsonBytes(whole.readableBytes(), Integer.MAX_VALUE - Long.BYTES);
      try {
        TensorRequest request = TensorRequest.read(whole, Optional.empty(), unused);
        if (request.outputs().any()) {
          return new Converted(whole.retain(), Optional.of(request));
        }
      } catch (IOException e) {
        // Not of this protocol: the handler knows what it is.
      }
    }
    return new Converted(whole.retain(), Optional.empty());
  }

  private void submit(RoutedRequest routed, Converted converted) {
    if (converted.tensors().isEmpty()) {
      predictions.handle(routed, converted.body());
      return;
    }
    TensorRequest request = converted.tensors().get();
    Exchange exchange = routed.exchange();
    List<InputPart> parts = List.of(new InputPart("body", "application/json", converted.body()));
    if (request.outputs().any()) {
      // Not as a job: its response would have to be converted each time that it is fetched.
      predictions.submit(
          routed, parts, new TensorSink(exchange, conversions, request.outputs(), request.id()));
    } else {
      predictions.handle(routed, parts);
    }
  }

  /** How many bytes of the body are JSON; empty if the request does not say so. */
  private static OptionalLong headLength(HttpHeaders headers) {
    List<String> values = headers.getAll(TensorRequest.HEADER);
    if (values.isEmpty()) {
      return OptionalLong.empty();
    }
    String value = String.join(", ", values).trim();
    OptionalLong length = BoundedNumber.whole(value);
    if (length.isEmpty() || length.getAsLong() < 0) {
      throw badRequest(
          "The header "
              + TensorRequest.HEADER
              + " is \""
              + Parameters.shown(value)
              + "\", expected one whole number of bytes.");
    }
    return length;
  }

  private static ServingException badRequest(String message) {
    return new ServingException(ErrorKind.BAD_REQUEST, message);
  }
}
