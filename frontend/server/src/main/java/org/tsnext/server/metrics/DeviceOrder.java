package org.tsnext.server.metrics;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Which GPUs workers see, and how they number them.
 *
 * @param visible entries of {@code CUDA_VISIBLE_DEVICES}; empty if that is not set
 * @param count how many of them the server uses
 */
record DeviceOrder(Optional<List<String>> visible, int count) {

  /**
   * As the environment says it.
   *
   * @param variable the value of {@code CUDA_VISIBLE_DEVICES}, if it is set
   */
  static DeviceOrder of(Optional<String> variable, int count) {
    return new DeviceOrder(
        variable.map(list -> Arrays.stream(list.split(",")).map(String::strip).toList()), count);
  }

  /** The GPUs that the server uses, by the numbers under which workers know them. */
  Map<Integer, Gpu> pick(List<Gpu> all) {
    Map<Integer, Gpu> picked = new TreeMap<>();
    for (int number = 0; number < count; number++) {
      String entry = entry(number);
      for (Gpu gpu : all) {
        if (gpu.isNamed(entry)) {
          picked.put(number, gpu);
        }
      }
    }
    return picked;
  }

  private String entry(int number) {
    if (visible.isEmpty()) {
      return Integer.toString(number);
    }
    return number < visible.get().size() ? visible.get().get(number) : "";
  }
}
