package org.tsnext.core.testing;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;

/** Makes requests, and knows whether each of their buffers has been released exactly once. */
public final class Requests {

  private final List<ByteBuf> buffers = new ArrayList<>();
  private int number;

  /** A prediction with a body, without a time limit. */
  public InferenceRequest predict(String modelName, String body) {
    return request(modelName, Optional.empty(), RequestKind.PREDICT, body, Optional.empty());
  }

  public InferenceRequest request(
      String modelName,
      Optional<String> version,
      RequestKind kind,
      String body,
      Optional<Duration> timeout) {
    return request(modelName, version, kind, List.of(), body, timeout);
  }

  public synchronized InferenceRequest request(
      String modelName,
      Optional<String> version,
      RequestKind kind,
      List<Header> headers,
      String body,
      Optional<Duration> timeout) {
    ByteBuf buffer = Unpooled.copiedBuffer(body, StandardCharsets.UTF_8);
    buffers.add(buffer);
    number++;
    return new InferenceRequest(
        "request-" + number,
        new InferenceRequest.Target(modelName, version),
        kind,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        headers,
        List.of(new InputPart("body", "text/plain", buffer)),
        timeout);
  }

  /** How many requests were made and not released. */
  public synchronized int unreleased() {
    return (int) buffers.stream().filter(buffer -> buffer.refCnt() > 0).count();
  }
}
