package org.tsnext.core.worker;

import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Deals out GPUs to new workers, in turn. Models that name no devices share one rotation over all
 * GPUs; a model with its own list has its own. A worker keeps its device when it is restarted. Safe
 * for any thread.
 */
public final class GpuRotation {

  private final List<Integer> devices;
  private final AtomicInteger next = new AtomicInteger();

  private GpuRotation(List<Integer> devices) {
    this.devices = List.copyOf(devices);
  }

  /** Over all GPUs of the machine, 0 and up. */
  public static GpuRotation all(int gpuCount) {
    return new GpuRotation(IntStream.range(0, gpuCount).boxed().toList());
  }

  /** Over some GPUs; over none for a model that runs on the CPU. */
  public static GpuRotation of(List<Integer> devices) {
    return new GpuRotation(devices);
  }

  /** The next device, or empty for the CPU. */
  OptionalInt take() {
    return devices.isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(devices.get(Math.floorMod(next.getAndIncrement(), devices.size())));
  }
}
