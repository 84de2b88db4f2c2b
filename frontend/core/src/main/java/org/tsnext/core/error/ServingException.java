package org.tsnext.core.error;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/**
 * The only exception that leaves the core: a kind, a message for the client, and optionally its
 * cause in words.
 */
public final class ServingException extends RuntimeException {

  private final ErrorKind kind;
  private final int httpStatus;
  private final transient Optional<String> detail;
  private final transient Optional<Duration> retryAfter;

  public ServingException(ErrorKind kind, String message) {
    this(kind, message, null);
  }

  public ServingException(ErrorKind kind, String message, Throwable cause) {
    this(kind, kind.httpStatus(), message, Optional.empty(), kind.retryAfter(), cause);
  }

  private ServingException(
      ErrorKind kind,
      int httpStatus,
      String message,
      Optional<String> detail,
      Optional<Duration> retryAfter,
      Throwable cause) {
    super(message, cause);
    this.kind = Objects.requireNonNull(kind, "kind");
    this.httpStatus = httpStatus;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /**
   * The same error with the cause in words, such as {@code ValueError: bad digit}, for the {@code
   * detail} field.
   */
  public ServingException withDetail(String text) {
    return new ServingException(
        kind, httpStatus, getMessage(), Optional.of(text), retryAfter, getCause());
  }

  /** The same error, which is not over before so long; at least what its kind says. */
  public ServingException withRetryAfter(Duration wait) {
    Optional<Duration> longer =
        kind.retryAfter()
            .filter(shortest -> shortest.compareTo(wait) > 0)
            .or(() -> Optional.of(wait));
    return new ServingException(kind, httpStatus, getMessage(), detail, longer, getCause());
  }

  /**
   * An error whose status was chosen by the handler (400 to 599; anything else becomes 500, and 413
   * becomes 507).
   */
  public static ServingException ofHandler(int status, String message) {
    int shown = status == 413 ? 507 : status >= 400 && status <= 599 ? status : 500;
    return new ServingException(
        ErrorKind.HANDLER_ERROR, shown, message, Optional.empty(), Optional.empty(), null);
  }

  /**
   * The one that a future failed with.
   *
   * @param otherwise makes one of any other cause
   */
  public static ServingException of(
      Throwable failure, Function<Throwable, ServingException> otherwise) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof ServingException known ? known : otherwise.apply(cause);
  }

  public ErrorKind kind() {
    return kind;
  }

  /** The HTTP status of this error: the kind's, unless a handler chose another. */
  public int httpStatus() {
    return httpStatus;
  }

  /** The {@code type} that error bodies carry: the kind's, unless a handler chose the status. */
  public String type() {
    return kind == ErrorKind.HANDLER_ERROR ? ErrorKind.typeOfStatus(httpStatus) : kind.type();
  }

  public Optional<String> detail() {
    return detail;
  }

  /** How long a client should wait before it asks again; empty if that would not help. */
  public Optional<Duration> retryAfter() {
    return retryAfter;
  }
}
