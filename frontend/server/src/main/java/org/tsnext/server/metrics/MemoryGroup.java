package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The limits to memory of the control groups that this process is in, of version 2 or 1. They are
 * what containers and services are ended for.
 */
final class MemoryGroup {
  private static final Names VERSION_2 =
      new Names("memory.max", "memory.current", "inactive_file ");
  private static final Names VERSION_1 =
      new Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");

  private final Path proc;
  private final Path groups;

  /** Names of files, and of the line of {@code memory.stat} that tells what can be dropped. */
  private record Names(String limit, String usage, String droppable) {}

  /** A group whose folder is somewhere below a mount point. */
  private record Place(Path mount, String path, Names names) {}

  /**
   * A limit, and how much of it is used by what cannot be dropped.
   *
   * @param bytes may be far more than the machine has
   */
  record Limit(long bytes, long usedBytes) {
    long available() {
      return Math.max(0, bytes - usedBytes);
    }
  }

  /**
   * @param proc the folder {@code /proc}
   * @param groups the folder {@code /sys/fs/cgroup}
   */
  MemoryGroup(Path proc, Path groups) {
    this.proc = proc;
    this.groups = groups;
  }

  /** The limit, of the group or one around it, that leaves least; empty where there is none. */
  Optional<Limit> tightest() throws IOException {
    Path memberships = proc.resolve("self").resolve("cgroup");
    if (!Files.exists(memberships)) {
      return Optional.empty();
    }
    List<Limit> limits = new ArrayList<>();
    for (String line : ProcFile.lines(memberships)) {
      Optional<Place> place = place(line);
      if (place.isPresent()) {
        addLimits(place.get(), limits);
      }
    }
    return limits.stream().min(Comparator.comparingLong(Limit::available));
  }

  /** Of a line {@code 0::/path} of version 2, or {@code 4:memory:/path} of version 1. */
  private Optional<Place> place(String line) {
    String[] fields = line.split(":", 3);
    if (fields.length < 3) {
      return Optional.empty();
    }
    if (fields[0].equals("0") && fields[1].isEmpty()) {
      return Optional.of(new Place(groups, fields[2], VERSION_2));
    }
    return Arrays.asList(fields[1].split(",")).contains("memory")
        ? Optional.of(new Place(groups.resolve("memory"), fields[2], VERSION_1))
        : Optional.empty();
  }

  /**
   * From the group to the mount point, which is the group itself where the process sees nothing
   * beyond it.
   */
  private static void addLimits(Place place, List<Limit> limits) throws IOException {
    Path mount = place.mount();
    Path folder = mount.resolve(place.path().replaceFirst("^/+", "")).normalize();
    for (; folder.startsWith(mount) && !folder.equals(mount); folder = folder.getParent()) {
      limit(folder, place.names()).ifPresent(limits::add);
    }
    limit(mount, place.names()).ifPresent(limits::add);
  }

  private static Optional<Limit> limit(Path folder, Names names) throws IOException {
    OptionalLong limit = number(folder.resolve(names.limit()), "");
    OptionalLong usage = number(folder.resolve(names.usage()), "");
    if (limit.isEmpty() || usage.isEmpty()) {
      return Optional.empty();
    }
    long droppable = number(folder.resolve("memory.stat"), names.droppable()).orElse(0);
    return Optional.of(new Limit(limit.getAsLong(), Math.max(0, usage.getAsLong() - droppable)));
  }

  /** Empty for the word {@code max}, too. */
  private static OptionalLong number(Path file, String key) throws IOException {
    return Files.exists(file) ? ProcFile.number(ProcFile.lines(file), key) : OptionalLong.empty();
  }
}
