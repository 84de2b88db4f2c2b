package org.tsnext.archive;

import java.util.Objects;
import java.util.Optional;

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
    /** The disk is full. */
    NO_SPACE,
    /** The machine failed, for example: no permission. */
    IO
  }

  private final Reason reason;
  private final transient Optional<String> detail;

  public ArchiveException(Reason reason, String message) {
    this(reason, message, Optional.empty(), null);
  }

  public ArchiveException(Reason reason, String message, Throwable cause) {
    this(reason, message, Optional.empty(), cause);
  }

  private ArchiveException(
      Reason reason, String message, Optional<String> detail, Throwable cause) {
    super(message, cause);
    this.reason = Objects.requireNonNull(reason, "reason");
    this.detail = detail;
  }

  /** The same error with its cause in words, for those who put it right. */
  public ArchiveException withDetail(String text) {
    return new ArchiveException(reason, getMessage(), Optional.of(text), getCause());
  }

  public Reason reason() {
    return reason;
  }

  /** The cause in words, without secrets. */
  public Optional<String> detail() {
    return detail;
  }
}
