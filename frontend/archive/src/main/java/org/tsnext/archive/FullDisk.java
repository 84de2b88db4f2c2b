package org.tsnext.archive;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.tsnext.archive.ArchiveException.Reason;

/** Tells a disk that is full from other failures of writing. */
public final class FullDisk {

  /** A write fails before the last byte is taken. */
  private static final long EXHAUSTED_BYTES = 64 << 10;

  private FullDisk() {}

  /**
   * The error of a write that failed.
   *
   * @param what could not be done, for the message
   * @param place an existing file or folder of the file system that was written to
   */
  public static ArchiveException failedWrite(String what, Path place, IOException cause) {
    String message = what + ": " + cause;
    return isSaidToBeFull(cause) || usableBytes(place) < EXHAUSTED_BYTES
        ? new ArchiveException(Reason.NO_SPACE, "The disk is full. " + message, cause)
        : new ArchiveException(Reason.IO, message, cause);
  }

  /**
   * Whether the system says that a write failed for want of room. Java has no type for it, and the
   * words are those of the locale: that it does not say so means nothing.
   */
  public static boolean isSaidToBeFull(Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
        .filter(IOException.class::isInstance)
        .map(cause -> String.valueOf(cause.getMessage()))
        .anyMatch(text -> text.contains("No space left") || text.contains("quota exceeded"));
  }

  private static long usableBytes(Path place) {
    try {
      return Files.getFileStore(place).getUsableSpace();
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }
}
