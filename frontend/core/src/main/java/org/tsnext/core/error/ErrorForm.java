package org.tsnext.core.error;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;

/**
 * How errors look to clients, over every transport: as they are, or where the table of deviations
 * says so, as TorchServe 0.12 showed them.
 *
 * @param showDetail whether the cause in words is told
 */
public record ErrorForm(boolean showDetail, Compatibility compatibility) {

  /**
   * What 0.12 made of a kind.
   *
   * @param row that brings it back
   */
  private record Original(Deviation row, ErrorKind kind, String message) {}

  private static final String MALFORMED = "Invalid HTTP message.";

  private static final Map<ErrorKind, Original> ORIGINALS =
      new EnumMap<>(
          Map.of(
              ErrorKind.RESPONSE_TIMEOUT,
              new Original(Deviation.TIMEOUT_STATUS, ErrorKind.WORKER_LOST, "Worker died."),
              ErrorKind.TARGET_TOO_LONG,
              malformed(),
              ErrorKind.HEADERS_TOO_LARGE,
              malformed(),
              ErrorKind.VERSION_NOT_SUPPORTED,
              malformed(),
              ErrorKind.PROXY_REQUESTED,
              new Original(Deviation.CONNECT_METHOD, ErrorKind.BAD_REQUEST, MALFORMED)));

  public ErrorForm {
    Objects.requireNonNull(compatibility, "compatibility");
  }

  /** Our own. */
  public static ErrorForm next(boolean showDetail) {
    return new ErrorForm(showDetail, Compatibility.NEXT);
  }

  private static Original malformed() {
    return new Original(Deviation.HEAD_LIMIT_STATUS, ErrorKind.BAD_REQUEST, MALFORMED);
  }

  /** The error as clients see it: its kind, its status and its message. */
  public ServingException shown(ServingException error) {
    Original original = ORIGINALS.get(error.kind());
    if (original != null && isOriginal(original.row())) {
      return new ServingException(original.kind(), original.message());
    }
    if (error.deviation().filter(Deviation.WORKFLOW_ERROR_STATUS::equals).isPresent()
        && isOriginal(Deviation.WORKFLOW_ERROR_STATUS)) {
      return new ServingException(ErrorKind.INTERNAL, error.getMessage());
    }
    return error
        .originalMessage()
        .filter(text -> isOriginal(Deviation.NO_WORKER_TEXT))
        .map(text -> new ServingException(error.kind(), text))
        .orElse(error);
  }

  /** The member {@code type} of the error's body. */
  public String type(ServingException error) {
    return isOriginal(Deviation.HANDLER_ERROR_TYPE) ? error.kind().type() : error.type();
  }

  /** The cause in words, if it is told, and what brings another answer of 0.12 back. */
  public Optional<String> detail(ServingException error) {
    if (!showDetail) {
      return Optional.empty();
    }
    Optional<String> hint = deviation(error).flatMap(this::hint);
    return error.detail().isPresent() && hint.isPresent()
        ? Optional.of(Sentences.joined(error.detail().get(), hint.get()))
        : error.detail().or(() -> hint);
  }

  private static Optional<Deviation> deviation(ServingException error) {
    return error
        .deviation()
        .or(() -> Optional.ofNullable(ORIGINALS.get(error.kind())).map(Original::row));
  }

  private Optional<String> hint(Deviation row) {
    return compatibility == Compatibility.ORIGINAL
        ? Optional.empty()
        : Optional.of(
            "TorchServe 0.12 answered otherwise; "
                + row.switched().assignment().orElse("compatibility=0.12")
                + " brings that back.");
  }

  /** Whether the row is answered as TorchServe 0.12 did. */
  public boolean isOriginal(Deviation row) {
    return compatibility.isOriginal(row);
  }
}
