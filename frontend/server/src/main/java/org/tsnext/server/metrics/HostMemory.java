package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The memory that this server can have: that of the machine, by {@code /proc/meminfo}, or of its
 * container, where that has less.
 */
final class HostMemory implements HostSource {
  private static final double MIB = 1 << 20;

  private final Path meminfo;
  private final MemoryGroup group;

  /**
   * @param proc the folder {@code /proc}
   */
  HostMemory(Path proc, MemoryGroup group) {
    this.meminfo = proc.resolve("meminfo");
    this.group = group;
  }

  @Override
  public String name() {
    return "memory";
  }

  /** What processes can still take, and how much that is of what. */
  private record Memory(long total, long used, long available) {}

  /** Bytes that processes can still take. */
  long available() throws IOException {
    return look().available();
  }

  @Override
  public List<HostSample> read() throws IOException {
    Memory now = look();
    return samples(now.total(), now.used(), now.available());
  }

  private Memory look() throws IOException {
    List<String> lines = ProcFile.lines(meminfo);
    long total = bytes(lines, "MemTotal:");
    long available = bytes(lines, "MemAvailable:");
    Optional<MemoryGroup.Limit> limit = group.tightest().filter(tight -> tight.bytes() < total);
    return limit.isPresent()
        ? new Memory(
            limit.get().bytes(),
            limit.get().usedBytes(),
            Math.min(available, limit.get().available()))
        : new Memory(total, total - available, available);
  }

  static List<HostSample> samples(long total, long used, long available) {
    return List.of(
        HostSample.of("MemoryUsed", used / MIB),
        HostSample.of("MemoryAvailable", available / MIB),
        HostSample.of("MemoryUtilization", total > 0 ? 100.0 * used / total : 0));
  }

  private long bytes(List<String> lines, String key) throws IOException {
    return 1024
        * ProcFile.number(lines, key)
            .orElseThrow(() -> new IOException(meminfo + " has no line " + key));
  }
}
