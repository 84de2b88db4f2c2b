package org.tsnext.core.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory a process holds now, as the kernel counts it. */
final class ResidentMemory {

  private static final String FIELD = "VmRSS:";

  private ResidentMemory() {}

  /** Resident octets of a process; 0 where that is not known. Reads no disk. */
  static long of(long pid) {
    Path status = Path.of("/proc", Long.toString(pid), "status");
    try {
      return Files.readAllLines(status).stream()
              .filter(line -> line.startsWith(FIELD))
              .map(line -> line.substring(FIELD.length()).replace("kB", "").strip())
              .mapToLong(Long::parseLong)
              .findFirst()
              .orElse(0)
          * 1024;
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }
}
