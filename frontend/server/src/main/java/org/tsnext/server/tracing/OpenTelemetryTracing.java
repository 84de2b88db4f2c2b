package org.tsnext.server.tracing;

import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.RequestTrace;
import org.tsnext.core.tracing.Tracing;

/**
 * Traces of requests by the SDK of OpenTelemetry, which the variables {@code OTEL_...} configure.
 * Spans are exported by a thread of the SDK; what finds no room in its queue is dropped.
 */
public final class OpenTelemetryTracing implements Tracing, AutoCloseable {

  private static final String SCOPE = "org.tsnext.torchserve";

  /** So that a receiver that hangs does not keep the server from its end. */
  private static final long CLOSE_LIMIT_SECONDS = 2;

  /** In characters; what is longer is not read. */
  private static final Map<String, Integer> MAX_HEADERS =
      Map.of("traceparent", 512, "tracestate", 512, "baggage", 8192);

  /** Metrics are at /metrics, and logs in files. */
  private static final Map<String, String> WITHOUT_OTHER_SIGNALS =
      Map.of("otel.metrics.exporter", "none", "otel.logs.exporter", "none");

  private static final TextMapGetter<IncomingRequest> HEADERS = new HeaderGetter();

  /** Held, since loggers without holders forget their levels. */
  private final Logger exporterLog = Logger.getLogger("io.opentelemetry");

  private final OpenTelemetrySdk sdk;
  private final TextMapPropagator propagator;
  private final SpanMaker spans;
  private final Clock clock;

  private OpenTelemetryTracing(OpenTelemetrySdk sdk, PresetIds ids, Clock clock) {
    this.sdk = sdk;
    this.propagator = sdk.getPropagators().getTextMapPropagator();
    this.clock = clock;
    this.spans = new SpanMaker(sdk.getTracer(SCOPE), ids);
    // What fails is reported once, by us; the SDK would say it again and again.
    exporterLog.setLevel(Level.OFF);
  }

  /**
   * Begins to trace.
   *
   * @param version of the server, for the resource
   * @throws IllegalArgumentException if the variables cannot be used, saying why
   */
  public static OpenTelemetryTracing start(
      Map<String, String> environment, String version, Clock clock) {
    TraceSwitch.checkExporters(environment);
    PresetIds ids = new PresetIds();
    try {
      OpenTelemetrySdk sdk =
          AutoConfiguredOpenTelemetrySdk.builder()
              .disableShutdownHook()
              .addPropertiesSupplier(() -> defaults(environment, version))
              .addPropertiesCustomizer(config -> WITHOUT_OTHER_SIGNALS)
              .addTracerProviderCustomizer((provider, config) -> provider.setIdGenerator(ids))
              .addSpanExporterCustomizer((exporter, config) -> new ReportingExporter(exporter))
              .build()
              .getOpenTelemetrySdk();
      return new OpenTelemetryTracing(sdk, ids, clock);
    } catch (ConfigurationException e) {
      throw new IllegalArgumentException(
          "The variables OTEL_... cannot be used: "
              + reason(e)
              + ". OTEL_SDK_DISABLED=true switches traces off.",
          e);
    }
  }

  /** The SDK has some of its reasons in a cause alone. */
  private static String reason(Throwable failure) {
    Throwable cause = failure.getCause();
    return cause == null || cause.getMessage() == null
        ? String.valueOf(failure.getMessage())
        : failure.getMessage() + ": " + cause.getMessage();
  }

  /** What holds unless a variable says otherwise. */
  private static Map<String, String> defaults(Map<String, String> environment, String version) {
    Map<String, String> defaults = new HashMap<>();
    defaults.put("otel.service.name", "torchserve");
    defaults.put("otel.resource.attributes", "service.version=" + version);
    // By its port, which receivers of OTLP over HTTP have.
    TraceSwitch.endpoint(environment)
        .filter(endpoint -> endpoint.matches("https?://[^/]+:4318(/.*)?"))
        .ifPresent(endpoint -> defaults.put("otel.exporter.otlp.protocol", "http/protobuf"));
    return defaults;
  }

  @Override
  public RequestTrace begin(IncomingRequest request) {
    Context parent = propagator.extract(Context.root(), request, HEADERS);
    TraceClock moments = new TraceClock(clock);
    long start = moments.epoch(request.startNanos());
    return new OpenTelemetryTrace(spans.request(request, parent, start), moments, spans);
  }

  /** Exports what is left, if its receiver takes it now. */
  @Override
  public void close() {
    var unused = sdk.getSdkTracerProvider().shutdown().join(CLOSE_LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  /** Reads the headers of a request, without those that are too long. */
  private static final class HeaderGetter implements TextMapGetter<IncomingRequest> {
    @Override
    public String get(IncomingRequest request, String key) {
      String name = key.toLowerCase(Locale.ROOT);
      String value = request == null ? null : request.header(name);
      int limit = MAX_HEADERS.getOrDefault(name, 512);
      return value == null || value.length() > limit ? null : value;
    }
  }
}
