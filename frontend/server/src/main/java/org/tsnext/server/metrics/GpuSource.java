package org.tsnext.server.metrics;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.tsnext.server.machine.NvidiaSmi;

/** The GPUs that this server uses. What workers do on them goes to the usage table, too. */
final class GpuSource implements HostSource {
  private final NvidiaSmi tool;
  private final DeviceOrder devices;
  private final UsageTable usage;

  GpuSource(NvidiaSmi tool, DeviceOrder devices, UsageTable usage) {
    this.tool = tool;
    this.devices = devices;
    this.usage = usage;
  }

  @Override
  public String name() {
    return "GPUs";
  }

  @Override
  public List<HostSample> read() throws IOException, InterruptedException {
    Map<Integer, Gpu> used = devices.pick(Gpu.parse(tool.query(Gpu.QUERY).orElse("")));
    List<Gpu.Share> shares = Gpu.parseShares(tool.query(Gpu.Share.QUERY).orElse(""));
    usage.gpus(used, shares);
    return used.values().stream().flatMap(gpu -> gpu.samples().stream()).toList();
  }
}
