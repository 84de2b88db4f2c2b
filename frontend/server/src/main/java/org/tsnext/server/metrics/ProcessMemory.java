package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** How much memory processes hold, as the kernel counts it. */
final class ProcessMemory {
  private final Path proc;

  /**
   * @param proc the folder {@code /proc}
   */
  ProcessMemory(Path proc) {
    this.proc = proc;
  }

  /** Resident bytes by process; without those that are gone. */
  Map<Long, Long> residentBytes(List<Long> pids) {
    Map<Long, Long> resident = new HashMap<>();
    for (long pid : pids) {
      try {
        List<String> status = ProcFile.lines(proc.resolve(Long.toString(pid)).resolve("status"));
        ProcFile.number(status, "VmRSS:").ifPresent(kib -> resident.put(pid, kib * 1024));
      } catch (IOException e) {
        // It has ended since it was listed.
      }
    }
    return resident;
  }
}
