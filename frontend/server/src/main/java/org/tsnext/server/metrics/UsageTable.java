package org.tsnext.server.metrics;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.worker.WorkerUsage;

/** What was last seen of worker processes. Written by the thread that looks, read by any. */
public final class UsageTable implements WorkerUsage {
  private volatile Map<Long, Long> memory = Map.of();
  private volatile Gpus gpus = new Gpus(Map.of(), List.of());

  private record Gpus(Map<Integer, Gpu> devices, List<Gpu.Share> shares) {}

  /** Resident bytes by process; all that is known from now on. */
  void memory(Map<Long, Long> bytes) {
    memory = Map.copyOf(bytes);
  }

  /**
   * What is known of GPUs from now on.
   *
   * @param devices by the numbers under which workers know them
   */
  void gpus(Map<Integer, Gpu> devices, List<Gpu.Share> shares) {
    gpus = new Gpus(Map.copyOf(devices), List.copyOf(shares));
  }

  @Override
  public long memoryBytes(long pid) {
    return memory.getOrDefault(pid, 0L);
  }

  @Override
  public Optional<String> gpu(long pid, int gpuId) {
    Gpus seen = gpus;
    return Optional.ofNullable(seen.devices().get(gpuId))
        .map(
            device ->
                device.usage(
                    // In a container, its process ids may be others than those of the tool.
                    seen.shares().stream()
                        .filter(share -> share.pid() == pid)
                        .filter(share -> share.uuid().equals(device.uuid()))
                        .map(Gpu.Share::memoryUsed)
                        .findFirst()));
  }
}
