package org.tsnext.server.persistence;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.OwnerOnly;
import org.tsnext.server.snapshot.SavedModel;
import org.tsnext.server.snapshot.Snapshot;
import org.tsnext.server.snapshot.SnapshotJson;

/**
 * The folder of the snapshots: {@code <LOG_LOCATION or logs>/config}. Files there with other names
 * than TorchServe's are neither read nor removed. A file is whole or it is not there, and only its
 * owner can read it. For one thread, but for {@link #newestFirst}.
 */
public final class SnapshotFolder implements Closeable {
  private static final Pattern NAME = Pattern.compile("\\d{17}-(startup|snapshot|shutdown)\\.cfg");
  private static final String DIGITS = "yyyyMMddHHmmssSSS";
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(DIGITS, Locale.ROOT);

  private final Path folder;
  private final Supplier<Instant> wallClock;
  private final ZoneId zone;

  /** What no other server can have written since. */
  private final Set<Path> own = new HashSet<>();

  private FolderUse use;

  /** Why a snapshot is written. */
  public enum Moment {
    STARTUP,
    SNAPSHOT,
    SHUTDOWN;

    private String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * @param wallClock names of files carry its time
   * @param zone in which that is told
   */
  public SnapshotFolder(Path folder, Supplier<Instant> wallClock, ZoneId zone) {
    this.folder = folder;
    this.wallClock = wallClock;
    this.zone = zone;
  }

  /** The folder below the one of the logs. */
  public static Path below(Optional<String> logLocation) {
    String logs = logLocation.filter(text -> !text.isBlank()).orElse("logs");
    return Path.of(logs).toAbsolutePath().normalize().resolve("config");
  }

  /** Its snapshots, the newest first; empty if there is no folder. */
  public List<Path> newestFirst() throws IOException {
    List<Path> files = new ArrayList<>();
    if (!Files.isDirectory(folder)) {
      return files;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (NAME.matcher(entry.getFileName().toString()).matches() && Files.isRegularFile(entry)) {
          files.add(entry);
        }
      }
    }
    files.sort(Comparator.comparing(Path::getFileName).reversed());
    return files;
  }

  /**
   * Writes a snapshot under a name that comes after all there are.
   *
   * @return where it is
   */
  public Path write(Moment moment, List<SavedModel> models, String serverVersion)
      throws IOException {
    open();
    Instant now = wallClock.get();
    String name = nextStamp(now) + "-" + moment.word() + ".cfg";
    Properties properties = new Properties();
    properties.setProperty("version", serverVersion);
    properties.setProperty(
        "model_snapshot", SnapshotJson.write(new Snapshot(name, Optional.of(now), models)));
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    // Everything but ASCII is escaped, so that it reads the same as UTF-8 and as ISO-8859-1.
    properties.store(text, "Saving snapshot");
    Path file = folder.resolve(name);
    Path unfinished = Files.createTempFile(folder, ".snapshot-", ".tmp", OwnerOnly.file(folder));
    try {
      try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(text.toByteArray());
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
    own.add(file);
    return file;
  }

  /**
   * Removes the oldest snapshots beyond {@code kept}, as far as no other server may need them:
   * those that this one wrote, and, if no other used the folder when this one began, those from
   * before.
   */
  public void prune(int kept) throws IOException {
    List<Path> files = newestFirst();
    for (Path old : files.subList(Math.min(kept, files.size()), files.size())) {
      if (own.remove(old)) {
        Files.deleteIfExists(old);
      }
    }
  }

  /** Ends the use of the folder. */
  @Override
  public void close() throws IOException {
    if (use != null) {
      use.close();
      use = null;
    }
  }

  @Override
  public String toString() {
    return folder.toString();
  }

  /** Names stay in order also where a clock is set back, as it is at the end of summer. */
  private String nextStamp(Instant now) throws IOException {
    String stamp = TIME.format(LocalDateTime.ofInstant(now, zone));
    List<Path> before = newestFirst();
    if (before.isEmpty()) {
      return stamp;
    }
    String newest = before.get(0).getFileName().toString().substring(0, DIGITS.length());
    return stamp.compareTo(newest) > 0 ? stamp : following(newest);
  }

  private static String following(String stamp) {
    try {
      return TIME.format(LocalDateTime.parse(stamp, TIME).plus(1, ChronoUnit.MILLIS));
    } catch (java.time.DateTimeException e) {
      // Digits that are no time, of a file from elsewhere: still the next number.
      return String.format(Locale.ROOT, "%017d", Long.parseLong(stamp) + 1);
    }
  }

  private void open() throws IOException {
    if (use != null) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder.getParent());
      Files.createDirectories(folder, OwnerOnly.folder(folder.getParent()));
    }
    use = FolderUse.begin(folder, Host.current());
    if (use.isAlone()) {
      own.addAll(newestFirst());
    }
  }
}
