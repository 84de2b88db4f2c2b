package org.tsnext.server.tracing;

import io.opentelemetry.sdk.trace.IdGenerator;
import java.util.function.Supplier;

/**
 * Ids of spans, of which some are known before the span is: a handler is told the id of its span
 * when it is sent its request, and the span is made when the request has ended.
 */
final class PresetIds implements IdGenerator {

  private final IdGenerator random = IdGenerator.random();
  private final ThreadLocal<String> preset = new ThreadLocal<>();

  /** Makes a span on this thread that gets the id. */
  <T> T withSpanId(String id, Supplier<T> span) {
    preset.set(id);
    try {
      return span.get();
    } finally {
      preset.remove();
    }
  }

  @Override
  public String generateSpanId() {
    String id = preset.get();
    return id == null ? random.generateSpanId() : id;
  }

  @Override
  public String generateTraceId() {
    return random.generateTraceId();
  }
}
