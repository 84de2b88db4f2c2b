package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.server.machine.NvidiaSmi;

/** The sources that are not about CPUs and memory of the machine. */
public class LooksTest {
  private FakeRoot root;
  private final UsageTable usage = new UsageTable();

  @BeforeMethod
  public void makeRoot() throws IOException {
    root = new FakeRoot();
  }

  @AfterMethod
  public void removeRoot() throws IOException {
    root.close();
  }

  @Test
  public void memoryOfWorkersIsReadAndThatOfDeadOnesForgotten() throws IOException {
    root.write("proc/11/status", "Name:\tpython\nVmHWM:\t 9 kB\nVmRSS:\t    100 kB\n");
    root.write("proc/12/status", "Name:\tkernel thread\n");
    WorkerMemory workers =
        new WorkerMemory(new ProcessMemory(root.proc()), () -> List.of(11L, 12L, 13L), usage);
    assertEquals(workers.read(), List.of());
    assertEquals(
        List.of(usage.memoryBytes(11), usage.memoryBytes(12), usage.memoryBytes(13)),
        List.of(102_400L, 0L, 0L));
    root.write("proc/11/status", "");
    workers.read();
    assertEquals(usage.memoryBytes(11), 0);
  }

  @Test
  public void diskIsReportedAsItsFileSystemCountsIt() throws IOException {
    Map<String, Double> disk =
        new DiskSpace(Path.of("/"))
            .read().stream().collect(Collectors.toMap(HostSample::name, HostSample::value));
    double total = Path.of("/").toFile().getTotalSpace() / (double) (1 << 30);
    assertTrue(disk.get("DiskUsage") > 0 && disk.get("DiskAvailable") > 0, disk.toString());
    assertTrue(disk.get("DiskUsage") + disk.get("DiskAvailable") <= total + 0.001, disk.toString());
    assertEquals(
        disk.get("DiskUtilization"),
        100 * disk.get("DiskUsage") / (disk.get("DiskUsage") + disk.get("DiskAvailable")),
        0.001);
  }

  @Test
  public void gpusAreAskedForThemselvesAndForTheProcessesOnThem() throws Exception {
    root.script(
        "nvidia-smi",
        """
        case "$1" in
        --query-gpu=*) echo '0, GPU-aa, 12, 3, 250, 1000'; echo '1, GPU-bb, 0, 0, 0, 1000' ;;
        --query-compute-apps=*) echo '4711, GPU-bb, 77' ;;
        esac
        [ "$2" = --format=csv,noheader,nounits ]""");
    NvidiaSmi tool = new NvidiaSmi(Map.of("PATH", root.path().toString()), Duration.ofSeconds(60));
    GpuSource gpus = new GpuSource(tool, DeviceOrder.of(Optional.of("1"), 1), usage);
    List<Header> gpu = List.of(new Header("gpu", "1"));
    assertEquals(
        gpus.read(),
        List.of(
            HostSample.ofDevice("GPUMemoryUtilization", 0, 1),
            HostSample.ofDevice("GPUMemoryUsed", 0, 1),
            HostSample.ofDevice("GPUUtilization", 0, 1),
            new HostSample("ts_gpu_memory_used_bytes", 0, gpu),
            new HostSample("ts_gpu_memory_size_bytes", 1000.0 * (1 << 20), gpu)));
    assertTrue(usage.gpu(4711, 0).orElse("").endsWith("memory.used [MiB]::77 MiB"));
  }
}
