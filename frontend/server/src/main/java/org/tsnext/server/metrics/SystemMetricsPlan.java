package org.tsnext.server.metrics;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.server.machine.NvidiaSmi;
import org.tsnext.server.machine.ToolRun;
import org.tsnext.server.metrics.SystemMetrics.Watch;
import org.tsnext.worker.environment.ProcessEnvironment;

/**
 * How the machine and the workers are looked at.
 *
 * @param interval between two looks
 * @param command words of {@code system_metrics_cmd}, which takes the place of all other looks
 * @param python what runs them
 * @param home the folder above the package ts
 * @param environment the server's own, and what of it other programs get
 * @param gpus how many the server uses
 */
public record SystemMetricsPlan(
    Duration interval,
    Optional<String> command,
    String python,
    Path home,
    ProcessEnvironment environment,
    int gpus) {
  /** What a worker holds is read from memory, and people who ask for it just started the worker. */
  private static final Duration WORKER_INTERVAL = Duration.ofSeconds(5);

  private static final Duration GPU_TOOL_TIMEOUT = Duration.ofSeconds(10);

  /** A Python that imports torch takes seconds; beyond a minute, more time would not help. */
  private static final Duration MIN_COMMAND_TIMEOUT = Duration.ofSeconds(10);

  private static final Duration MAX_COMMAND_TIMEOUT = Duration.ofSeconds(60);
  private static final int COMMAND_OUTPUT_LIMIT = 1 << 20;

  public SystemMetricsPlan {
    Objects.requireNonNull(interval, "interval");
    Objects.requireNonNull(command, "command");
    Objects.requireNonNull(python, "python");
    Objects.requireNonNull(home, "home");
    Objects.requireNonNull(environment, "environment");
  }

  /**
   * What to look at.
   *
   * @param root the folder {@code /}
   * @param pids of the workers
   * @param usage learns what workers use
   */
  List<Watch> watches(
      Path root, Supplier<List<Long>> pids, UsageTable usage, Complaints complaints) {
    if (command.isPresent()) {
      return List.of(new Watch(command(command.get(), pids, usage, complaints), interval));
    }
    List<Watch> watches = new ArrayList<>();
    Path proc = root.resolve("proc");
    if (Files.exists(proc.resolve("stat"))) {
      MemoryGroup group = new MemoryGroup(proc, root.resolve("sys/fs/cgroup"));
      watches.add(new Watch(new CpuTime(proc), interval));
      watches.add(new Watch(new HostMemory(proc, group), interval));
    } else if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean os) {
      watches.add(new Watch(new JdkHost(os), interval));
    }
    watches.add(new Watch(new DiskSpace(root), interval));
    watches.add(
        new Watch(
            new WorkerMemory(new ProcessMemory(proc), pids, usage),
            interval.compareTo(WORKER_INTERVAL) < 0 ? interval : WORKER_INTERVAL));
    if (gpus > 0) {
      watches.add(new Watch(gpuSource(usage), interval));
    }
    return watches;
  }

  private GpuSource gpuSource(UsageTable usage) {
    Map<String, String> variables = environment.inherited();
    return new GpuSource(
        new NvidiaSmi(variables, GPU_TOOL_TIMEOUT),
        DeviceOrder.of(Optional.ofNullable(variables.get("CUDA_VISIBLE_DEVICES")), gpus),
        usage);
  }

  private CollectorCommand command(
      String words, Supplier<List<Long>> pids, UsageTable usage, Complaints complaints) {
    return new CollectorCommand(
        CollectorCommand.Program.of(python, words, home, environment),
        new ToolRun(commandTimeout(), COMMAND_OUTPUT_LIMIT),
        pids,
        usage,
        problem -> complaints.about("system_metrics_cmd", problem));
  }

  /** The interval, unless that is very short or very long. */
  Duration commandTimeout() {
    if (interval.compareTo(MIN_COMMAND_TIMEOUT) < 0) {
      return MIN_COMMAND_TIMEOUT;
    }
    return interval.compareTo(MAX_COMMAND_TIMEOUT) > 0 ? MAX_COMMAND_TIMEOUT : interval;
  }
}
