package org.tsnext.worker;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.metrics.MetricSample;

/**
 * Splits what Python processes print into lines, and gives each to the log, or, if it is a metric,
 * to the launch. Used by the thread that reads from {@code init}.
 */
final class OutputPump {

  private static final String ZYGOTE = "zygote";

  private final WorkerOutput output;
  private final Map<Integer, Launch> launches;

  /**
   * @param launches those alive, by id; may change at any time
   */
  OutputPump(WorkerOutput output, Map<Integer, Launch> launches) {
    this.output = output;
    this.launches = launches;
  }

  /**
   * Takes whole lines, without the last line feed.
   *
   * @param id the launch; 0 for the zygote
   * @param text stays the caller's
   */
  void accept(int id, boolean stderr, ByteBuf text) {
    Launch launch = launches.get(id);
    if (launch == null && id != 0) {
      return;
    }
    String printed = text.toString(StandardCharsets.UTF_8);
    List<String> lines = new ArrayList<>();
    for (int start = 0, end = 0; end >= 0; start = end + 1) {
      end = printed.indexOf('\n', start);
      String line = printed.substring(start, end < 0 ? printed.length() : end);
      String whole = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
      if (launch == null || !isMetric(launch, whole)) {
        lines.add(whole);
      }
    }
    if (launch != null) {
      lines.forEach(line -> launch.printed(stderr, line));
    }
    if (!lines.isEmpty()) {
      output.lines(launch == null ? ZYGOTE : launch.order().workerName(), stderr, lines);
    }
  }

  private static boolean isMetric(Launch launch, String line) {
    Optional<MetricSample> sample = MetricLine.parse(line);
    sample.ifPresent(metric -> launch.deliverFromAnywhere(() -> launch.listener().metric(metric)));
    return sample.isPresent();
  }
}
