package org.tsnext.core.ownership;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.tsnext.core.ownership.MountTable.Mount;

/**
 * The running kernel, as far as it decides whose locks it can see. Containers of one machine are
 * one host.
 */
public final class Host {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");

  /** File systems that one kernel alone has mounted: no other host can open their files. */
  private static final Set<String> OF_ONE_KERNEL =
      Set.of(
          "apfs",
          "aufs",
          "bcachefs",
          "btrfs",
          "exfat",
          "ext2",
          "ext3",
          "ext4",
          "f2fs",
          "hfs",
          "jfs",
          "ntfs3",
          "overlay",
          "ramfs",
          "reiserfs",
          "tmpfs",
          "ufs",
          "vfat",
          "xfs",
          "zfs");

  /** File systems of several hosts that keep their locks where all of them look. */
  private static final Set<String> WITH_COMMON_LOCKS =
      Set.of("ceph", "cifs", "fuse.glusterfs", "gfs2", "lustre", "nfs", "nfs4", "ocfs2", "smb3");

  /** Options by which such a file system keeps locks to the host. */
  private static final Set<String> KEEP_LOCKS =
      Set.of("nolock", "local_lock=all", "local_lock=posix", "localflock", "nobrl");

  private final String mark;
  private final MountTable mounts;

  Host(String mark, MountTable mounts) {
    this.mark = mark;
    this.mounts = mounts;
  }

  /** This host, as the system describes it now. */
  public static Host current() {
    String mark;
    try {
      mark = Files.readString(BOOT_ID).strip();
    } catch (IOException e) {
      mark = "unknown";
    }
    try {
      return new Host(mark, MountTable.parse(Files.readAllLines(MOUNTS)));
    } catch (IOException e) {
      return new Host(mark, MountTable.empty());
    }
  }

  /**
   * A host with another mark and other mounted file systems, for tests of what cannot be judged.
   *
   * @param mountInfo lines in the form of {@code /proc/self/mountinfo}
   */
  public static Host of(String mark, List<String> mountInfo) {
    return new Host(mark, MountTable.parse(mountInfo));
  }

  /** Names this host until it is booted anew. */
  public String mark() {
    return mark;
  }

  /** Whether a lock on {@code file} is seen by every host that can open it. False if in doubt. */
  public boolean seesEveryLock(Path file) {
    return fileSystem(
        file,
        mount ->
            OF_ONE_KERNEL.contains(mount.type())
                || (WITH_COMMON_LOCKS.contains(mount.type())
                    && mount.options().stream().noneMatch(KEEP_LOCKS::contains)));
  }

  /** Whether no other host can open {@code file}. False if in doubt. */
  public boolean hasAlone(Path file) {
    return fileSystem(file, mount -> OF_ONE_KERNEL.contains(mount.type()));
  }

  private boolean fileSystem(Path file, Predicate<Mount> property) {
    try {
      return mounts.of(file).filter(property).isPresent();
    } catch (IOException e) {
      return false;
    }
  }
}
