package org.tsnext.server.metrics;

import com.sun.management.OperatingSystemMXBean;
import java.util.ArrayList;
import java.util.List;

/** CPUs and memory as the JDK tells of them, for systems without {@code /proc}. */
final class JdkHost implements HostSource {
  private final OperatingSystemMXBean system;

  JdkHost(OperatingSystemMXBean system) {
    this.system = system;
  }

  @Override
  public String name() {
    return "CPU and memory";
  }

  /** The JDK, too, compares with its last look. */
  @Override
  public boolean measuresChange() {
    return true;
  }

  @Override
  public List<HostSample> read() {
    List<HostSample> samples = new ArrayList<>();
    double busy = system.getCpuLoad();
    if (busy >= 0) {
      samples.add(HostSample.of("CPUUtilization", 100 * busy));
    }
    long total = system.getTotalMemorySize();
    long free = system.getFreeMemorySize();
    samples.addAll(HostMemory.samples(total, total - free, free));
    return samples;
  }
}
