package org.tsnext.worker;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
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
    String lines = text.toString(StandardCharsets.UTF_8);
    int start = 0;
    while (true) {
      int end = lines.indexOf('\n', start);
      String line = lines.substring(start, end < 0 ? lines.length() : end);
      line(launch, stderr, line.endsWith("\r") ? line.substring(0, line.length() - 1) : line);
      if (end < 0) {
        return;
      }
      start = end + 1;
    }
  }

  private void line(Launch launch, boolean stderr, String line) {
    if (launch == null) {
      output.line(ZYGOTE, stderr, line);
      return;
    }
    Optional<MetricSample> sample = MetricLine.parse(line);
    if (sample.isPresent()) {
      launch.deliverFromAnywhere(() -> launch.listener().metric(sample.get()));
      return;
    }
    launch.printed(stderr, line);
    output.line(launch.order().workerName(), stderr, line);
  }
}
