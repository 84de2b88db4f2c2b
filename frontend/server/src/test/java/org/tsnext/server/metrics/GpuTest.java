package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;

public class GpuTest {
  private static final Gpu FIRST = new Gpu(0, "GPU-aa", "12", "3", "250", "1000");
  private static final Gpu SECOND = new Gpu(1, "GPU-bb", "[N/A]", "[N/A]", "678", "[N/A]");

  @Test
  public void responseOfTheToolIsReadLineByLine() {
    assertEquals(
        Gpu.parse(
            """
            0, GPU-aa, 12, 3, 250, 1000
            1, GPU-bb, [N/A], [N/A], 678, [N/A]
            No devices were found
            x, GPU-cc, 1, 1, 1, 1

            """),
        List.of(FIRST, SECOND));
    assertEquals(
        Gpu.parseShares("4711, GPU-aa, 100\n[N/A], GPU-aa, 1\n12, GPU-bb, [N/A]\n"),
        List.of(new Gpu.Share(4711, "GPU-aa", "100"), new Gpu.Share(12, "GPU-bb", "[N/A]")));
  }

  @Test
  public void samplesAreThoseThatTheDeviceTells() {
    assertEquals(
        FIRST.samples(),
        List.of(
            HostSample.ofDevice("GPUMemoryUtilization", 25, 0),
            HostSample.ofDevice("GPUMemoryUsed", 250, 0),
            HostSample.ofDevice("GPUUtilization", 12, 0),
            bytes("ts_gpu_memory_used_bytes", 250L << 20, 0),
            bytes("ts_gpu_memory_size_bytes", 1000L << 20, 0)));
    assertEquals(
        SECOND.samples(),
        List.of(
            HostSample.ofDevice("GPUMemoryUsed", 678, 1),
            bytes("ts_gpu_memory_used_bytes", 678L << 20, 1)));
  }

  private static HostSample bytes(String name, double value, int gpu) {
    return new HostSample(name, value, List.of(new Header("gpu", Integer.toString(gpu))));
  }

  @DataProvider
  public Object[][] visible() {
    Optional<String> unset = Optional.empty();
    return new Object[][] {
      {unset, 2, Map.of(0, FIRST, 1, SECOND)},
      {unset, 1, Map.of(0, FIRST)},
      {unset, 0, Map.of()},
      {unset, 5, Map.of(0, FIRST, 1, SECOND)},
      {Optional.of("1, 0"), 2, Map.of(0, SECOND, 1, FIRST)},
      {Optional.of("1"), 1, Map.of(0, SECOND)},
      {Optional.of("MIG-GPU-aa/1/0,GPU-b"), 2, Map.of(1, SECOND)},
      {Optional.of("7"), 1, Map.of()},
      {Optional.of(""), 1, Map.of()},
    };
  }

  @Test(dataProvider = "visible")
  public void workersNumberTheVisibleDevices(
      Optional<String> variable, int count, Map<Integer, Gpu> expected) {
    assertEquals(DeviceOrder.of(variable, count).pick(List.of(FIRST, SECOND)), expected);
  }

  @Test
  public void usageOfAWorkerHasItsOwnMemoryWhereThatIsKnown() {
    UsageTable usage = new UsageTable();
    assertEquals(usage.gpu(4711, 0), Optional.empty());
    usage.gpus(
        Map.of(0, FIRST, 1, SECOND),
        List.of(
            new Gpu.Share(4711, "GPU-bb", "5"),
            new Gpu.Share(4711, "GPU-aa", "100"),
            new Gpu.Share(12, "GPU-aa", "[N/A]")));
    String ofFirst =
        "gpuId::0 utilization.gpu [%]::12 % utilization.memory [%]::3 % memory.used [MiB]::";
    assertEquals(usage.gpu(4711, 0), Optional.of(ofFirst + "100 MiB"));
    assertEquals(usage.gpu(12, 0), Optional.of(ofFirst + "250 MiB"));
    assertEquals(usage.gpu(13, 0), Optional.of(ofFirst + "250 MiB"));
    assertEquals(
        usage.gpu(12, 1),
        Optional.of(
            "gpuId::1 utilization.gpu [%]::[N/A] utilization.memory [%]::[N/A] memory.used"
                + " [MiB]::678 MiB"));
    assertEquals(usage.gpu(4711, 2), Optional.empty());
  }
}
