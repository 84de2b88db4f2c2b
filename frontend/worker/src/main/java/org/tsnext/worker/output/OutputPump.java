package org.tsnext.worker.output;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.metrics.MetricSample;

/**
 * Splits what Python processes print into lines, and gives each to the log, or, if it is a metric,
 * to the worker that printed it. Used by the thread that reads from {@code init}.
 */
public final class OutputPump {

  private static final String ZYGOTE = "zygote";

  private final WorkerOutput output;
  private final Map<Integer, ? extends OutputSource> sources;

  /**
   * @param sources those alive, by id; may change at any time
   */
  public OutputPump(WorkerOutput output, Map<Integer, ? extends OutputSource> sources) {
    this.output = output;
    this.sources = sources;
  }

  /**
   * Takes whole lines, without the last line feed.
   *
   * @param id the spawn id; 0 for the zygote
   * @param text stays the caller's
   */
  public void accept(int id, boolean stderr, ByteBuf text) {
    OutputSource source = sources.get(id);
    if (source == null && id != 0) {
      return;
    }
    String printed = text.toString(StandardCharsets.UTF_8);
    List<String> lines = new ArrayList<>();
    for (int start = 0, end = 0; end >= 0; start = end + 1) {
      end = printed.indexOf('\n', start);
      String line = printed.substring(start, end < 0 ? printed.length() : end);
      String whole = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
      if (source == null || !isMetric(source, whole)) {
        lines.add(whole);
      }
    }
    if (source != null) {
      lines.forEach(line -> source.onLine(stderr, line));
    }
    if (!lines.isEmpty()) {
      output.lines(source == null ? ZYGOTE : source.workerName(), stderr, lines);
    }
  }

  private static boolean isMetric(OutputSource source, String line) {
    Optional<MetricSample> sample = MetricLine.parse(line);
    sample.ifPresent(source::onMetric);
    return sample.isPresent();
  }
}
