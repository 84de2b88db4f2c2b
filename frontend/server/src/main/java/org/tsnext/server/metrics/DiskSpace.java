package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How full a file system is. */
final class DiskSpace implements HostSource {
  private static final double GIB = 1 << 30;

  private final Path root;

  /**
   * @param root any file or folder of the file system
   */
  DiskSpace(Path root) {
    this.root = root;
  }

  @Override
  public String name() {
    return "disk";
  }

  @Override
  public List<HostSample> read() throws IOException {
    FileStore disk = Files.getFileStore(root);
    long used = disk.getTotalSpace() - disk.getUnallocatedSpace();
    // Without what is set aside for the superuser: as df tells it.
    long available = disk.getUsableSpace();
    return List.of(
        HostSample.of("DiskUsage", used / GIB),
        HostSample.of("DiskAvailable", available / GIB),
        HostSample.of(
            "DiskUtilization", used + available > 0 ? 100.0 * used / (used + available) : 0));
  }
}
