package org.tsnext.server.logging;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.message.Message;
import org.tsnext.core.metrics.Counter;
import org.tsnext.core.metrics.Gauge;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.Series;
import org.tsnext.core.request.Header;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;

/**
 * Writes the server's own metrics to the logger {@code TS_METRICS}: once a second a line for each
 * series that got values in it. A line's time has whole seconds, so that a line per request, as
 * TorchServe 0.12 wrote, would say no more: of counters it has the sum of the steps, of gauges the
 * last value, of histograms the mean. Or a line for each value, where that is asked for.
 */
public final class ServerMetricsLog implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  private final Consumer<Message> lines;
  private final List<MetricFamily> families;
  private final String host;
  private final Clock clock;
  private final Scheduler scheduler;

  /** How much of each series has been written. Guarded by this. */
  private Map<Series, Written> written = new HashMap<>();

  private volatile boolean closed;

  private record Written(double sum, long count) {
    static final Written NOTHING = new Written(0, 0);
  }

  /**
   * @param families whose last dimension is the name of the machine
   * @param host the name of this machine as it appears in the lines
   */
  public ServerMetricsLog(
      List<MetricFamily> families, String host, Clock clock, Scheduler scheduler) {
    this(LogManager.getLogger("TS_METRICS")::info, families, host, clock, scheduler);
  }

  ServerMetricsLog(
      Consumer<Message> lines,
      List<MetricFamily> families,
      String host,
      Clock clock,
      Scheduler scheduler) {
    this.lines = lines;
    this.families = List.copyOf(families);
    this.host = host;
    this.clock = clock;
    this.scheduler = scheduler;
  }

  /** Writes a line for each value that comes from now on, as TorchServe 0.12 did. */
  public void startEachValue() {
    for (MetricFamily family : families) {
      family.tell((labels, value) -> write(family, labels, value, clock.now()));
    }
    closed = true;
  }

  /** Begins to write, until {@link #close}. */
  public void start() {
    scheduler.schedule(
        INTERVAL,
        () -> {
          if (!closed) {
            write();
            start();
          }
        });
  }

  /** Writes what came last, and no more. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      write();
    }
  }

  private synchronized void write() {
    // A new map, so that series that have ended are forgotten.
    Map<Series, Written> now = new HashMap<>();
    Instant time = clock.now();
    for (MetricFamily family : families) {
      family.forEach(
          (values, series) -> {
            Written before = written.getOrDefault(series, Written.NOTHING);
            now.put(series, write(family, values, series, before, time));
          });
    }
    written = now;
  }

  private Written write(
      MetricFamily family, List<String> values, Series series, Written before, Instant time) {
    if (series instanceof Counter counter) {
      double sum = counter.value();
      if (sum > before.sum()) {
        write(family, values, sum - before.sum(), time);
      }
      return new Written(sum, 0);
    }
    if (series instanceof Histogram histogram) {
      Histogram.Reading reading = histogram.read();
      long count = reading.count() - before.count();
      if (count > 0) {
        write(family, values, (reading.sum() - before.sum()) / count, time);
      }
      return new Written(reading.sum(), reading.count());
    }
    if (series instanceof Gauge gauge && gauge.takeFresh()) {
      write(family, values, gauge.value(), time);
    }
    return Written.NOTHING;
  }

  private void write(MetricFamily family, List<String> values, double value, Instant time) {
    List<String> names = family.definition().dimensions();
    List<Header> dimensions = new ArrayList<>(names.size());
    for (int i = 0; i < names.size() - 1; i++) {
      dimensions.add(new Header(names.get(i), values.get(i)));
    }
    String unit = family.definition().unit();
    MetricSample sample =
        new MetricSample(
            family.definition().type(),
            family.definition().name(),
            unit,
            value,
            time,
            "",
            dimensions);
    lines.accept(new MetricLogMessage(sample, unit, host));
  }
}
