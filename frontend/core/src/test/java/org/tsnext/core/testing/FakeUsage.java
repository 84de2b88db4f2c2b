package org.tsnext.core.testing;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.tsnext.core.worker.WorkerUsage;

/** Knows what a test says of processes. */
public final class FakeUsage implements WorkerUsage {

  /** Resident bytes by process. */
  public final Map<Long, Long> memory = new ConcurrentHashMap<>();

  /** Texts by process and device, such as {@code 4711@0}. */
  public final Map<String, String> gpus = new ConcurrentHashMap<>();

  @Override
  public long memoryBytes(long pid) {
    return memory.getOrDefault(pid, 0L);
  }

  @Override
  public Optional<String> gpu(long pid, int gpuId) {
    return Optional.ofNullable(gpus.get(pid + "@" + gpuId));
  }
}
