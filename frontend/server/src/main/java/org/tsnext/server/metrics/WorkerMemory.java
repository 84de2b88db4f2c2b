package org.tsnext.server.metrics;

import java.util.List;
import java.util.function.Supplier;

/** The memory of the workers. It is no metric: model descriptions show it. */
final class WorkerMemory implements HostSource {
  private final ProcessMemory processes;
  private final Supplier<List<Long>> pids;
  private final UsageTable usage;

  WorkerMemory(ProcessMemory processes, Supplier<List<Long>> pids, UsageTable usage) {
    this.processes = processes;
    this.pids = pids;
    this.usage = usage;
  }

  @Override
  public String name() {
    return "memory of workers";
  }

  @Override
  public List<HostSample> read() {
    usage.memory(processes.residentBytes(pids.get()));
    return List.of();
  }
}
