package org.tsnext.core.ownership;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The mounted file systems, in the order of {@code /proc/self/mountinfo}: later ones cover earlier
 * ones.
 */
final class MountTable {
  /** Fields before the separator: id, parent, device, root, mount point, options. */
  private static final int MOUNT_POINT = 4;

  private static final int OPTIONS = 5;
  private static final String SEPARATOR = "-";

  private final List<Mount> mounts;

  /**
   * One mounted file system.
   *
   * @param type as the kernel names it
   * @param options of the mount and of the file system
   */
  record Mount(Path point, String type, Set<String> options) {
    Mount {
      options = Set.copyOf(options);
    }
  }

  private MountTable(List<Mount> mounts) {
    this.mounts = List.copyOf(mounts);
  }

  /** The table of a system that has none to read. */
  static MountTable empty() {
    return new MountTable(List.of());
  }

  /** Reads lines of {@code mountinfo}; lines that have another form are left out. */
  static MountTable parse(List<String> lines) {
    List<Mount> mounts = new ArrayList<>();
    for (String line : lines) {
      List<String> fields = List.of(line.split(" ", -1));
      int end = fields.indexOf(SEPARATOR);
      if (end > OPTIONS && end + 1 < fields.size()) {
        Set<String> options = new HashSet<>(List.of(fields.get(OPTIONS).split(",", -1)));
        options.addAll(List.of(fields.get(fields.size() - 1).split(",", -1)));
        Path point = Path.of(unescaped(fields.get(MOUNT_POINT)));
        mounts.add(new Mount(point, fields.get(end + 1), options));
      }
    }
    return new MountTable(mounts);
  }

  /** The file system in which an existing file or folder lies. */
  Optional<Mount> of(Path file) throws IOException {
    Path real = file.toRealPath();
    Mount best = null;
    for (Mount mount : mounts) {
      if (real.startsWith(mount.point())
          && (best == null || mount.point().getNameCount() >= best.point().getNameCount())) {
        best = mount;
      }
    }
    if (best == null && mounts.isEmpty()) {
      best = new Mount(real.getRoot(), Files.getFileStore(real).type(), Set.of());
    }
    return Optional.ofNullable(best);
  }

  /** The kernel writes blanks, tabs, line ends and backslashes as three octal digits. */
  private static String unescaped(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    byte[] plain = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\\' && i + 3 < bytes.length) {
        int code = 0;
        for (int digit = 1; digit <= 3; digit++) {
          code = code * 8 + (bytes[i + digit] - '0');
        }
        plain[length++] = (byte) code;
        i += 3;
      } else {
        plain[length++] = bytes[i];
      }
    }
    return new String(plain, 0, length, StandardCharsets.UTF_8);
  }
}
