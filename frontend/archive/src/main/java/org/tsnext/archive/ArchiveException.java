package org.tsnext.archive;

import java.util.Objects;

/**
 * A model source that cannot be used. The message names the entry, the value, and what was
 * expected.
 */
public final class ArchiveException extends Exception {

  /** What was wrong; callers map it to their own error table. */
  public enum Reason {
    /** There is nothing of that name, or its place is not allowed. */
    NOT_FOUND,
    /** The archive, its manifest or its configuration is broken or dangerous. */
    INVALID,
    /** The source could not be fetched. */
    DOWNLOAD_FAILED,
    /** The machine failed: no space, no permission. */
    IO
  }

  private final Reason reason;

  public ArchiveException(Reason reason, String message) {
    this(reason, message, null);
  }

  public ArchiveException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = Objects.requireNonNull(reason, "reason");
  }

  public Reason reason() {
    return reason;
  }
}
