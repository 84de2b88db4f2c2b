package org.tsnext.server.tracing;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once that traces do not reach their receiver, and once that they do again. */
final class ReportingExporter implements SpanExporter {

  private static final Logger LOGGER = LoggerFactory.getLogger(ReportingExporter.class);

  private static final int MAX_CAUSES = 8;

  private final SpanExporter exporter;
  private final AtomicBoolean failing = new AtomicBoolean();

  ReportingExporter(SpanExporter exporter) {
    this.exporter = exporter;
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    CompletableResultCode result = exporter.export(spans);
    result.whenComplete(() -> report(result));
    return result;
  }

  private void report(CompletableResultCode result) {
    if (result.isSuccess()) {
      if (failing.compareAndSet(true, false)) {
        LOGGER.info("Traces reach their receiver again");
      }
    } else if (failing.compareAndSet(false, true)) {
      Throwable cause = result.getFailureThrowable();
      LOGGER.warn(
          "Traces cannot be exported{}. Requests go on without them; see OTEL_EXPORTER_OTLP_ENDPOINT."
              + " This is said once, until they reach their receiver again. ({})",
          cause == null ? "" : ": " + firstCause(cause),
          exporter);
    }
  }

  /** What the SDK wraps, at most some levels down. */
  private static Throwable firstCause(Throwable failure) {
    Throwable cause = failure;
    for (int level = 0; level < MAX_CAUSES && cause.getCause() != null; level++) {
      cause = cause.getCause();
    }
    return cause;
  }

  @Override
  public CompletableResultCode flush() {
    return exporter.flush();
  }

  @Override
  public CompletableResultCode shutdown() {
    return exporter.shutdown();
  }

  @Override
  public String toString() {
    return exporter.toString();
  }
}
