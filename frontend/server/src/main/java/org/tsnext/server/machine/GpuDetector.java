package org.tsnext.server.machine;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Counts the GPUs that workers could use. */
public final class GpuDetector {
  private final Map<String, String> environment;
  private final DeviceLister lister;

  /**
   * @param environment the server's own
   * @param lister asked where the environment says nothing
   */
  public GpuDetector(Map<String, String> environment, DeviceLister lister) {
    this.environment = Map.copyOf(environment);
    this.lister = Objects.requireNonNull(lister, "lister");
  }

  /** Asks the machine for its GPUs. */
  @FunctionalInterface
  public interface DeviceLister {
    /** Lines of the tool's output, one per GPU; empty if there is no tool or it failed. */
    Optional<String> list();
  }

  /**
   * The number of GPUs: those that {@code CUDA_VISIBLE_DEVICES} names, by number or by id, else
   * those that the machine lists.
   */
  public int count() {
    String visible = environment.get("CUDA_VISIBLE_DEVICES");
    return visible != null ? countVisible(visible) : lister.list().map(this::countLines).orElse(0);
  }

  /** As CUDA reads it: the first entry that is not a device ends the list. */
  private static int countVisible(String list) {
    return (int)
        Arrays.stream(list.split(",", -1))
            .map(String::strip)
            .takeWhile(GpuDetector::isDevice)
            .count();
  }

  private static boolean isDevice(String entry) {
    return entry.matches("\\d{1,9}") || entry.startsWith("GPU-") || entry.startsWith("MIG-");
  }

  private int countLines(String output) {
    return (int) output.lines().map(String::strip).filter(line -> line.matches("\\d+")).count();
  }
}
