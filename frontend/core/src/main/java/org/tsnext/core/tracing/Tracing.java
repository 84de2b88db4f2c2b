package org.tsnext.core.tracing;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/** Where traces of requests begin. Any thread; does not block. */
@FunctionalInterface
public interface Tracing {

  /** Begins the trace of a request, or goes on with the one that its client has begun. */
  RequestTrace begin(IncomingRequest request);

  /**
   * A request as its transport knows it.
   *
   * @param name of the span: method and route, or the full name of the rpc
   * @param attributes of the span, in the words of OpenTelemetry's semantic conventions
   * @param startNanos when its head came, by the clock
   * @param headers all values of the request's header with a name in lower case
   */
  record IncomingRequest(
      String name,
      Map<String, String> attributes,
      long startNanos,
      Function<String, List<String>> headers) {

    private static final String TRACE_PARENT = "traceparent";

    public IncomingRequest {
      Objects.requireNonNull(name, "name");
      attributes = Map.copyOf(attributes);
      Objects.requireNonNull(headers, "headers");
    }

    /**
     * The value of a header, or null; of {@code traceparent} there may be one only.
     *
     * @param name in lower case
     */
    public String header(String name) {
      List<String> values = headers.apply(name);
      if (values.isEmpty() || (values.size() > 1 && name.equals(TRACE_PARENT))) {
        return null;
      }
      return String.join(",", values);
    }
  }
}
