package org.tsnext.server.tracing;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.sdk.trace.IdGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace;

/** The trace of one request: its span, and at its end those below. */
final class OpenTelemetryTrace implements RequestTrace {

  private static final Logger LOGGER = LoggerFactory.getLogger(OpenTelemetryTrace.class);

  private final Span request;
  private final SpanContext context;
  private final TraceClock moments;
  private final SpanMaker spans;

  OpenTelemetryTrace(Span request, TraceClock moments, SpanMaker spans) {
    this.moments = moments;
    this.request = request;
    this.context = request.getSpanContext();
    this.spans = spans;
  }

  Span request() {
    return request;
  }

  TraceClock moments() {
    return moments;
  }

  @Override
  public String traceId() {
    return context.getTraceId();
  }

  @Override
  public String spanId() {
    return context.getSpanId();
  }

  @Override
  public boolean isSampled() {
    return context.isSampled();
  }

  @Override
  public String newHandlerContext() {
    return "00-"
        + context.getTraceId()
        + "-"
        + IdGenerator.random().generateSpanId()
        + "-"
        + context.getTraceFlags().asHex();
  }

  @Override
  public void end(RequestTimeline timeline, RequestEnd end) {
    try {
      spans.below(this, timeline);
      spans.end(request, end, moments.now());
    } catch (RuntimeException e) {
      // A trace that is lost costs no request anything.
      LOGGER.warn("A trace could not be made: {}", e.toString());
    }
  }
}
