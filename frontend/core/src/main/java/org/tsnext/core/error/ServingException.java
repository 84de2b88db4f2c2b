package org.tsnext.core.error;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.tsnext.compatibility.Deviation;

/**
 * The only exception that leaves the core: a kind, a message for the client, and optionally its
 * cause in words.
 */
public final class ServingException extends RuntimeException {

  private final ErrorKind kind;
  private final int httpStatus;
  private final transient Optional<String> detail;
  private final transient Optional<Duration> retryAfter;
  private final transient Optional<String> originalMessage;
  private final transient Optional<Deviation> deviation;
  private final transient Map<String, String> headers;

  public ServingException(ErrorKind kind, String message) {
    this(kind, message, null);
  }

  public ServingException(ErrorKind kind, String message, Throwable cause) {
    this(kind, kind.httpStatus(), message, Extras.of(kind), cause);
  }

  private ServingException(
      ErrorKind kind, int httpStatus, String message, Extras extras, Throwable cause) {
    super(message, cause);
    this.kind = Objects.requireNonNull(kind, "kind");
    this.httpStatus = httpStatus;
    this.detail = extras.detail();
    this.retryAfter = extras.retryAfter();
    this.originalMessage = extras.originalMessage();
    this.deviation = extras.deviation();
    this.headers = extras.headers();
  }

  /**
   * The same error with the cause in words, such as {@code ValueError: bad digit}, for the {@code
   * detail} field.
   */
  public ServingException withDetail(String text) {
    return with(new Extras(Optional.of(text), retryAfter, originalMessage, deviation, headers));
  }

  /** The same error, which is not over before so long; at least what its kind says. */
  public ServingException withRetryAfter(Duration wait) {
    Optional<Duration> longer =
        kind.retryAfter()
            .filter(shortest -> shortest.compareTo(wait) > 0)
            .or(() -> Optional.of(wait));
    return with(new Extras(detail, longer, originalMessage, deviation, headers));
  }

  /** The same error with what TorchServe 0.12 said in its place; see {@link ErrorForm}. */
  public ServingException withOriginalMessage(String text) {
    return with(new Extras(detail, retryAfter, Optional.of(text), deviation, headers));
  }

  /** The same error, which TorchServe 0.12 would not have given; see {@link ErrorForm}. */
  public ServingException withDeviation(Deviation row) {
    return with(new Extras(detail, retryAfter, originalMessage, Optional.of(row), headers));
  }

  /** The same error with response headers that a handler chose; not checked yet. */
  public ServingException withHeaders(Map<String, String> chosen) {
    return with(new Extras(detail, retryAfter, originalMessage, deviation, chosen));
  }

  private ServingException with(Extras extras) {
    return new ServingException(kind, httpStatus, getMessage(), extras, getCause());
  }

  /** An error whose status was chosen by the handler: 400 to 599; anything else becomes 500. */
  public static ServingException ofHandler(int status, String message) {
    int shown = status >= 400 && status <= 599 ? status : 500;
    return new ServingException(
        ErrorKind.HANDLER_ERROR, shown, message, Extras.of(ErrorKind.HANDLER_ERROR), null);
  }

  /** A fault of the server itself: a client learns that there is one, and not what it is. */
  public static ServingException internal(Throwable cause) {
    return new ServingException(ErrorKind.INTERNAL, "Internal server error.", cause);
  }

  /** As {@link #internal}, and told where the server has no memory. */
  public static ServingException ofServer(Throwable cause) {
    return cause instanceof OutOfMemoryError
        ? new ServingException(
            ErrorKind.FRONTEND_OUT_OF_MEMORY, "The server is out of memory.", cause)
        : internal(cause);
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

  /** What TorchServe 0.12 said, where that is another text. */
  public Optional<String> originalMessage() {
    return originalMessage;
  }

  /** By which row of the table TorchServe 0.12 answered otherwise, if it is one. */
  public Optional<Deviation> deviation() {
    return deviation;
  }

  /** Response headers that a handler chose, as it gave them. */
  public Map<String, String> headers() {
    return headers;
  }

  /** What an error says beside its message. */
  private record Extras(
      Optional<String> detail,
      Optional<Duration> retryAfter,
      Optional<String> originalMessage,
      Optional<Deviation> deviation,
      Map<String, String> headers) {

    private Extras {
      // In their order.
      headers = Collections.unmodifiableMap(new LinkedHashMap<>(headers));
    }

    static Extras of(ErrorKind kind) {
      return new Extras(
          Optional.empty(), kind.retryAfter(), Optional.empty(), Optional.empty(), Map.of());
    }
  }
}
