package org.tsnext.grpc.call;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import io.netty.buffer.ByteBufUtil;
import java.time.Duration;
import java.util.Objects;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;

/**
 * The one place where an error becomes a gRPC status: the code of its kind, a description of two
 * lines (message, origin) as old clients read it, and the same facts as {@code
 * google.rpc.ErrorInfo} in {@code grpc-status-details-bin}. Any thread.
 */
public final class CallErrors {

  /** Of the facts of an error in {@code ErrorInfo}. */
  public static final String DOMAIN = "torchserve-next";

  private static final Metadata.Key<com.google.rpc.Status> DETAILS =
      Metadata.Key.of(
          "grpc-status-details-bin",
          ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance()));

  /**
   * In bytes. Clients accept 8 KiB of trailers; a description may be escaped to three times its
   * length, and the details are written with a third more.
   */
  private static final int MAX_MESSAGE = 1024;

  private static final int MAX_DETAIL = 1536;

  private static final String CUT = "...";

  private final ErrorForm form;
  private final OriginalCodes originals;

  /**
   * @param form how errors look
   */
  public CallErrors(ErrorForm form) {
    this(form, OriginalCodes.NONE);
  }

  private CallErrors(ErrorForm form, OriginalCodes originals) {
    this.form = Objects.requireNonNull(form, "form");
    this.originals = originals;
  }

  /** The same for calls of the inference service, which had codes of their own in 0.12. */
  public CallErrors ofInference() {
    return new CallErrors(form, OriginalCodes.INFERENCE);
  }

  /** The same for calls of the management service, which had codes of their own in 0.12. */
  public CallErrors ofManagement() {
    return new CallErrors(form, OriginalCodes.MANAGEMENT);
  }

  /** How errors look. */
  public ErrorForm form() {
    return form;
  }

  /** The status that ends a call. */
  public Status status(ServingException failure) {
    ServingException error = form.shown(failure);
    Status status = Status.fromCodeValue(code(error));
    return status.getCode() == Status.Code.UNKNOWN
        ? status
        : status.withDescription(description(error));
  }

  /** Adds the facts, and headers that a handler chose, to what ends a call. */
  public void addDetails(ServingException error, Metadata trailers) {
    if (!error.headers().isEmpty()) {
      trailers.merge(
          HandlerMetadata.trailers(
              new ResponseHead(0, "", ResponseHead.BodyKind.BYTES, Header.of(error.headers()))));
    }
    trailers.put(DETAILS, rpcStatus(error));
  }

  /** The error as a message, for trailers and for streams that go on. */
  public com.google.rpc.Status rpcStatus(ServingException failure) {
    ServingException error = form.shown(failure);
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(code(error))
            .setMessage(message(error))
            .addDetails(Any.pack(facts(error)));
    error.retryAfter().ifPresent(wait -> status.addDetails(Any.pack(retryInfo(wait))));
    return status.build();
  }

  private ErrorInfo facts(ServingException error) {
    ErrorInfo.Builder facts =
        ErrorInfo.newBuilder()
            .setReason(ErrorOrigins.of(error, form))
            .setDomain(DOMAIN)
            .putMetadata("http_status", Integer.toString(error.httpStatus()))
            .putMetadata("type", form.type(error));
    form.detail(error).ifPresent(detail -> facts.putMetadata("detail", cut(detail, MAX_DETAIL)));
    return facts.build();
  }

  private static RetryInfo retryInfo(Duration wait) {
    return RetryInfo.newBuilder()
        .setRetryDelay(
            com.google.protobuf.Duration.newBuilder()
                .setSeconds(wait.getSeconds())
                .setNanos(wait.getNano()))
        .build();
  }

  private String description(ServingException error) {
    String origin = ErrorOrigins.of(error, form);
    return origin.isEmpty() ? message(error) : message(error) + "\n" + origin;
  }

  private static String message(ServingException error) {
    String message = error.getMessage();
    return message == null ? "" : cut(message, MAX_MESSAGE);
  }

  /** The start of a text, whole characters, that has at most so many bytes in UTF-8. */
  private static String cut(String text, int most) {
    if (ByteBufUtil.utf8Bytes(text) <= most) {
      return text;
    }
    StringBuilder start = new StringBuilder();
    int bytes = CUT.length();
    for (int i = 0; ; i += Character.charCount(text.codePointAt(i))) {
      String character = Character.toString(text.codePointAt(i));
      bytes += ByteBufUtil.utf8Bytes(character);
      if (bytes > most) {
        return start.append(CUT).toString();
      }
      start.append(character);
    }
  }

  private int code(ServingException error) {
    if (error.kind() == ErrorKind.HANDLER_ERROR) {
      return ofHttp(error.httpStatus()).value();
    }
    return originals.of(error, form).map(Status.Code::value).orElse(error.kind().grpcStatus());
  }

  /** The code that goes with a status that a handler chose. */
  public static Status.Code ofHttp(int status) {
    return switch (status) {
      case 400 -> Status.Code.INVALID_ARGUMENT;
      case 401 -> Status.Code.UNAUTHENTICATED;
      case 403 -> Status.Code.PERMISSION_DENIED;
      case 404 -> Status.Code.NOT_FOUND;
      case 409 -> Status.Code.ABORTED;
      case 413, 429, 507 -> Status.Code.RESOURCE_EXHAUSTED;
      case 416 -> Status.Code.OUT_OF_RANGE;
      case 499 -> Status.Code.CANCELLED;
      case 501 -> Status.Code.UNIMPLEMENTED;
      case 503 -> Status.Code.UNAVAILABLE;
      case 504 -> Status.Code.DEADLINE_EXCEEDED;
      default ->
          status >= 200 && status < 300
              ? Status.Code.OK
              : status >= 400 && status < 500
                  ? Status.Code.FAILED_PRECONDITION
                  : status >= 500 && status < 600 ? Status.Code.INTERNAL : Status.Code.UNKNOWN;
    };
  }
}
