package org.tsnext.server.tracing;

import java.util.Map;
import java.util.Optional;

/** Whether the environment switches traces on, by the variables of OpenTelemetry. */
public final class TraceSwitch {

  private static final String EXPORTER = "OTEL_TRACES_EXPORTER";
  private static final String OTLP = "otlp";
  private static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
  private static final String TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

  private TraceSwitch() {}

  /**
   * Whether traces are on: an exporter of traces or an endpoint is named, and neither {@code
   * OTEL_SDK_DISABLED=true} nor {@code OTEL_TRACES_EXPORTER=none} switches them off.
   */
  public static boolean isOn(Map<String, String> environment) {
    if (value(environment, "OTEL_SDK_DISABLED").map("true"::equalsIgnoreCase).orElse(false)) {
      return false;
    }
    Optional<String> exporter = value(environment, EXPORTER);
    if (exporter.isPresent()) {
      return !exporter.get().equalsIgnoreCase("none");
    }
    return endpoint(environment).isPresent();
  }

  /**
   * Looks at the exporters of traces that are named.
   *
   * @throws IllegalArgumentException if the server has one of them not
   */
  static void checkExporters(Map<String, String> environment) {
    for (String name : value(environment, EXPORTER).orElse(OTLP).split(",", -1)) {
      if (!name.strip().equals(OTLP)) {
        throw new IllegalArgumentException(
            "%s=%s: expected otlp, or none to switch traces off; the server has no other exporter."
                .formatted(EXPORTER, environment.get(EXPORTER)));
      }
    }
  }

  /** Where traces go, if it is named. */
  static Optional<String> endpoint(Map<String, String> environment) {
    return value(environment, TRACES_ENDPOINT).or(() -> value(environment, ENDPOINT));
  }

  /** An empty variable counts as none, as OpenTelemetry has it. */
  private static Optional<String> value(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name))
        .map(String::strip)
        .filter(text -> !text.isEmpty());
  }
}
