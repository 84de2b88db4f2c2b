package org.tsnext.server.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.request.Header;

/**
 * One GPU at one moment, in the words of {@code nvidia-smi}, which has {@code [N/A]} for what a
 * device does not tell.
 *
 * @param index as {@code nvidia-smi} counts, whatever {@code CUDA_VISIBLE_DEVICES} says
 * @param busy percent of the time in which something ran
 * @param memoryBusy percent of the time in which memory was read or written
 * @param memoryUsed MiB
 * @param memoryTotal MiB
 */
record Gpu(
    int index, String uuid, String busy, String memoryBusy, String memoryUsed, String memoryTotal) {

  /** What {@code nvidia-smi} has to be asked. */
  static final String QUERY =
      "--query-gpu=index,uuid,utilization.gpu,utilization.memory,memory.used,memory.total";

  private static final int FIELDS = 6;

  private static final double BYTES_PER_MIB = 1 << 20;

  /**
   * Memory that a process uses on a GPU.
   *
   * @param memoryUsed MiB, or {@code [N/A]}
   */
  record Share(long pid, String uuid, String memoryUsed) {
    static final String QUERY = "--query-compute-apps=pid,gpu_uuid,used_memory";
  }

  /** The GPUs in an answer; lines of another form are left out. */
  static List<Gpu> parse(String response) {
    List<Gpu> gpus = new ArrayList<>();
    response
        .lines()
        .map(line -> line.strip().split("\\s*,\\s*", -1))
        .filter(fields -> fields.length == FIELDS && fields[0].matches("\\d{1,6}"))
        .forEach(
            fields ->
                gpus.add(
                    new Gpu(
                        Integer.parseInt(fields[0]),
                        fields[1],
                        fields[2],
                        fields[3],
                        fields[4],
                        fields[5])));
    return gpus;
  }

  /** The shares of processes in an answer. */
  static List<Share> parseShares(String response) {
    return response
        .lines()
        .map(line -> line.strip().split("\\s*,\\s*", -1))
        .filter(fields -> fields.length == 3 && fields[0].matches("\\d{1,18}"))
        .map(fields -> new Share(Long.parseLong(fields[0]), fields[1], fields[2]))
        .toList();
  }

  /** What TorchServe 0.12 tells of a device, and its memory in bytes. */
  List<HostSample> samples() {
    List<HostSample> samples = new ArrayList<>();
    OptionalDouble used = number(memoryUsed);
    OptionalDouble total = number(memoryTotal);
    if (used.isPresent() && total.isPresent() && total.getAsDouble() > 0) {
      double share = 100 * used.getAsDouble() / total.getAsDouble();
      samples.add(HostSample.ofDevice("GPUMemoryUtilization", share, index));
    }
    used.ifPresent(mib -> samples.add(HostSample.ofDevice("GPUMemoryUsed", mib, index)));
    number(busy)
        .ifPresent(share -> samples.add(HostSample.ofDevice("GPUUtilization", share, index)));
    used.ifPresent(mib -> samples.add(bytes(ServerMetric.GPU_MEMORY_USED_BYTES, mib)));
    total.ifPresent(mib -> samples.add(bytes(ServerMetric.GPU_MEMORY_SIZE_BYTES, mib)));
    return samples;
  }

  private HostSample bytes(ServerMetric metric, double mib) {
    return new HostSample(
        metric.definition().name(),
        mib * BYTES_PER_MIB,
        List.of(new Header("gpu", Integer.toString(index))));
  }

  /**
   * The text of model descriptions, as TorchServe 0.12 has it.
   *
   * @param share memory of one process; that of the whole GPU where it is not known
   */
  String usage(Optional<String> share) {
    return "gpuId::%d utilization.gpu [%%]::%s utilization.memory [%%]::%s memory.used [MiB]::%s"
        .formatted(
            index,
            withUnit(busy, "%"),
            withUnit(memoryBusy, "%"),
            withUnit(share.filter(mib -> number(mib).isPresent()).orElse(memoryUsed), "MiB"));
  }

  /**
   * Whether an entry of {@code CUDA_VISIBLE_DEVICES} is this device: its number, or the beginning
   * of its id.
   */
  boolean isNamed(String entry) {
    return entry.equals(Integer.toString(index))
        || (entry.startsWith("GPU-") && uuid.startsWith(entry));
  }

  private static String withUnit(String value, String unit) {
    return number(value).isPresent() ? value + " " + unit : value;
  }

  private static OptionalDouble number(String value) {
    return value.matches("\\d{1,12}(\\.\\d{1,6})?")
        ? OptionalDouble.of(Double.parseDouble(value))
        : OptionalDouble.empty();
  }
}
