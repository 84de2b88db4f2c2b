package org.tsnext.http.metrics;

import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.concurrent.Executor;
import org.tsnext.core.access.Access;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;

/** The table of the metrics listener's own routes; a combined listener has them, too. */
public final class MetricsRoutes {

  /** The last one is the one that API descriptions show. */
  private static final List<HttpMethod> EVERY_METHOD =
      List.of(
          HttpMethod.OPTIONS,
          HttpMethod.PATCH,
          HttpMethod.DELETE,
          HttpMethod.PUT,
          HttpMethod.POST,
          HttpMethod.GET);

  private MetricsRoutes() {}

  /**
   * Builds the routes.
   *
   * @param renderer writes pages, which may be large, one at a time
   */
  public static List<Route> of(MetricRegistry registry, Executor renderer) {
    return List.of(
        Route.of(
                EVERY_METHOD,
                "/metrics/{rest...}",
                new MetricsHandler(registry, renderer),
                operation())
            .withAccess(Access.METRICS));
  }

  private static Operation operation() {
    return new Operation(
        "metrics",
        "What was measured, in the text format 0.0.4 of Prometheus; as OpenMetrics 1.0 with exemplars"
            + " for a client that prefers it by its header Accept.",
        Body.NONE,
        List.of(
            new Parameter(
                MetricsHandler.FILTER,
                "string",
                false,
                "Name of samples to show; may be repeated. All without it")),
        List.of(new Outcome(200, PrometheusText.CONTENT_TYPE, "The metrics")));
  }
}
