package org.tsnext.http.metrics;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/**
 * Answers {@code /metrics}. Pages are written elsewhere, since an event loop has no time for that.
 */
final class MetricsHandler implements RouteHandler {

  /** Names the samples to show. */
  static final String FILTER = "name[]";

  /** Scrapers come seconds apart: a client that requests so many pages at once is no scraper. */
  private static final int MAX_WAITING = 32;

  private final MetricRegistry registry;
  private final Executor renderer;
  private final AtomicInteger waiting = new AtomicInteger();

  MetricsHandler(MetricRegistry registry, Executor renderer) {
    this.registry = registry;
    this.renderer = renderer;
  }

  @Override
  public void handle(RoutedRequest request) {
    Predicate<String> wanted = filter(request.query().all(FILTER));
    boolean openMetrics =
        OpenMetricsText.isPreferred(request.exchange().headers().getAll(HttpHeaderNames.ACCEPT));
    if (waiting.incrementAndGet() > MAX_WAITING) {
      waiting.decrementAndGet();
      throw new ServingException(
          ErrorKind.QUEUE_FULL,
          "Metrics were asked for " + MAX_WAITING + " times already and are not yet sent.");
    }
    LaterResponse.send(
        request.exchange(),
        CompletableFuture.supplyAsync(() -> page(wanted, openMetrics), renderer),
        page -> response(page, openMetrics));
  }

  private byte[] page(Predicate<String> wanted, boolean openMetrics) {
    try {
      String page =
          openMetrics ? OpenMetricsText.of(registry, wanted) : PrometheusText.of(registry, wanted);
      return page.getBytes(StandardCharsets.UTF_8);
    } finally {
      waiting.decrementAndGet();
    }
  }

  private static Response response(byte[] page, boolean openMetrics) {
    String type = openMetrics ? OpenMetricsText.CONTENT_TYPE : PrometheusText.CONTENT_TYPE;
    // A cache must not give one client the format of another.
    return new Response(
        200,
        "",
        Optional.of(type),
        List.of(new Header("vary", "accept")),
        Unpooled.wrappedBuffer(page));
  }

  private static Predicate<String> filter(List<String> names) {
    return names.isEmpty() ? name -> true : Set.copyOf(names)::contains;
  }
}
