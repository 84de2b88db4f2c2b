package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** How busy all CPUs of the machine were between two looks, by {@code /proc/stat}. */
final class CpuTime implements HostSource {
  /** user, nice, system, idle, iowait, irq, softirq, steal; guests are a part of user. */
  private static final int FIELDS = 8;

  private static final int IDLE = 3;
  private static final int WAITING = 4;

  private final Path stat;
  private long lastIdle = -1;
  private long lastTotal = -1;

  /**
   * @param proc the folder {@code /proc}
   */
  CpuTime(Path proc) {
    this.stat = proc.resolve("stat");
  }

  @Override
  public String name() {
    return "CPU time";
  }

  @Override
  public boolean measuresChange() {
    return true;
  }

  @Override
  public List<HostSample> read() throws IOException {
    long[] ticks = ticks();
    long idle = ticks[IDLE] + ticks[WAITING];
    long total = Arrays.stream(ticks).sum();
    long idleBetween = idle - lastIdle;
    long between = total - lastTotal;
    boolean first = lastTotal < 0;
    lastIdle = idle;
    lastTotal = total;
    if (first || between <= 0) {
      return List.of();
    }
    // Some kernels let the idle time fall.
    double busy = 100.0 * (between - idleBetween) / between;
    return List.of(HostSample.of("CPUUtilization", Math.max(0, Math.min(100, busy))));
  }

  private long[] ticks() throws IOException {
    List<String> lines = ProcFile.lines(stat);
    String[] words = lines.isEmpty() ? new String[0] : lines.get(0).strip().split("\\s+");
    boolean fits = words.length > FIELDS && words[0].equals("cpu");
    if (!fits || Arrays.stream(words).skip(1).anyMatch(word -> !word.matches("\\d{1,18}"))) {
      throw new IOException(stat + " does not begin with the times of all CPUs");
    }
    return Arrays.stream(words).skip(1).limit(FIELDS).mapToLong(Long::parseLong).toArray();
  }
}
