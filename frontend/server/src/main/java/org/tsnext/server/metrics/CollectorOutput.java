package org.tsnext.server.metrics;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.worker.output.MetricLine;

/**
 * What a collector of TorchServe 0.12 printed: metric lines, an empty line, and {@code pid:bytes}
 * lines.
 *
 * @param memory resident bytes by process
 * @param unknown the first line that is neither
 */
record CollectorOutput(List<HostSample> samples, Map<Long, Long> memory, Optional<String> unknown) {
  private static final Pattern MEMORY = Pattern.compile("(\\d{1,18}):(\\d{1,18})");

  CollectorOutput {
    samples = List.copyOf(samples);
    memory = Map.copyOf(memory);
  }

  static CollectorOutput parse(String text) {
    List<HostSample> samples = new ArrayList<>();
    Map<Long, Long> memory = new HashMap<>();
    Optional<String> unknown = Optional.empty();
    boolean metrics = true;
    for (String line : text.lines().map(String::strip).toList()) {
      if (line.isEmpty()) {
        metrics = false;
        continue;
      }
      if (!(metrics ? addSample(line, samples) : addMemory(line, memory)) && unknown.isEmpty()) {
        unknown = Optional.of(line);
      }
    }
    return new CollectorOutput(samples, memory, unknown);
  }

  private static boolean addSample(String line, List<HostSample> samples) {
    Optional<MetricSample> sample = MetricLine.parseContent(line);
    sample.ifPresent(s -> samples.add(new HostSample(s.name(), s.value(), s.dimensions())));
    return sample.isPresent();
  }

  private static boolean addMemory(String line, Map<Long, Long> memory) {
    Matcher matcher = MEMORY.matcher(line);
    if (!matcher.matches()) {
      return false;
    }
    memory.put(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)));
    return true;
  }
}
