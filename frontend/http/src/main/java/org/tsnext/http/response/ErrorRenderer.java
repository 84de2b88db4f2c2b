package org.tsnext.http.response;

import com.google.gson.JsonObject;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.http.request.RequestTarget;

/** The one place where an error becomes an HTTP answer. */
public final class ErrorRenderer {

  private static final Header AUTHENTICATE = new Header("www-authenticate", "Bearer");

  private final ErrorForm form;
  private final boolean kserve;

  /**
   * Makes a renderer.
   *
   * @param form how errors look
   * @param kserve whether clients of KServe v1 expect what those of KServe v2 do
   */
  public ErrorRenderer(ErrorForm form, boolean kserve) {
    this.form = Objects.requireNonNull(form, "form");
    this.kserve = kserve;
  }

  /**
   * Renders an error.
   *
   * @param failure what happened
   * @param allowed methods for the {@code Allow} header of a 405
   * @param path of the request; clients of KServe's routes read the member {@code error}, those of
   *     OpenAI's nothing else
   */
  public Response render(ServingException failure, List<String> allowed, String path) {
    ServingException error = form.shown(failure);
    boolean onlyOpenAi = OpenAiErrors.isOnlyFor(path);
    boolean alsoOpenAi = !kserve && OpenAiErrors.isAlsoFor(path);
    int status = onlyOpenAi || alsoOpenAi ? OpenAiErrors.status(error) : error.httpStatus();
    List<Header> headers;
    try {
      headers = headers(error, status, allowed);
    } catch (ServingException e) {
      return render(e, allowed, path);
    }
    if (error.kind() == ErrorKind.REQUEST_TOO_LARGE && form.isOriginal(Deviation.BODY_TOO_LARGE)) {
      return new Response(error.httpStatus(), "", Optional.empty(), headers, Unpooled.EMPTY_BUFFER);
    }
    if (onlyOpenAi) {
      return Response.jsonWithNulls(status, headers, wrapped(failure, path));
    }
    JsonObject body = members(error, status);
    if (RequestTarget.isUnder("/v2", path) || (kserve && RequestTarget.isUnder("/v1", path))) {
      body.addProperty("error", error.getMessage());
    } else if (alsoOpenAi) {
      body.add("error", OpenAiErrors.error(error, cause(error)));
    }
    return Response.jsonWithNulls(status, headers, body);
  }

  /**
   * An error after the beginning of a stream: the body of other errors, as {@code error}.
   *
   * @param path of the request; clients of OpenAI read other members
   */
  public JsonObject wrapped(ServingException failure, String path) {
    ServingException error = form.shown(failure);
    JsonObject json = new JsonObject();
    json.add(
        "error",
        OpenAiErrors.isOnlyFor(path)
            ? OpenAiErrors.error(error, cause(error))
            : members(error, error.httpStatus()));
    return json;
  }

  /** Whether a stream that fails is cut without a word, as in TorchServe 0.12. */
  public boolean cutsStreams() {
    return form.isOriginal(Deviation.STREAM_ERROR);
  }

  /** The cause alone: clients of OpenAI have never met TorchServe 0.12. */
  private Optional<String> cause(ServingException error) {
    return form.showDetail() ? error.detail() : Optional.empty();
  }

  private JsonObject members(ServingException error, int status) {
    JsonObject members = new JsonObject();
    members.addProperty("code", status);
    members.addProperty("type", form.type(error));
    if (error.getMessage() != null) {
      members.addProperty("message", error.getMessage());
    }
    form.detail(error).ifPresent(text -> members.addProperty("detail", text));
    return members;
  }

  /** Those that belong to the status, and those that the handler chose, which win. */
  private List<Header> headers(ServingException error, int status, List<String> allowed) {
    List<Header> headers = new ArrayList<>(1);
    error
        .retryAfter()
        .filter(wait -> !form.isOriginal(Deviation.RETRY_AFTER))
        .ifPresent(wait -> headers.add(retryAfter(wait)));
    if (status == 401) {
      headers.add(AUTHENTICATE);
    }
    if (error.httpStatus() == 405) {
      headers.add(new Header("allow", String.join(", ", allowed)));
    }
    if (!error.headers().isEmpty()) {
      List<Header> chosen = HandlerResponseHeaders.checked(error.headers());
      headers.removeIf(ours -> isAmong(chosen, ours.name()));
      headers.addAll(chosen);
    }
    return headers;
  }

  private static boolean isAmong(List<Header> headers, String name) {
    return headers.stream().anyMatch(header -> header.name().equalsIgnoreCase(name));
  }

  /** In whole seconds, a part of one being one. */
  private static Header retryAfter(Duration wait) {
    return new Header("retry-after", Long.toString(wait.plusNanos(999_999_999).toSeconds()));
  }

  /** What an unknown path is answered. */
  public static ServingException notFound() {
    return new ServingException(
        ErrorKind.RESOURCE_NOT_FOUND,
        "Requested resource is not found, please refer to API document.");
  }

  /** What a wrong method is answered. */
  public static ServingException methodNotAllowed() {
    return methodNotAllowed(ErrorKind.METHOD_NOT_ALLOWED);
  }

  /** What every 405 says, whatever the reason is. */
  public static ServingException methodNotAllowed(ErrorKind reason) {
    return new ServingException(
        reason, "Requested method is not allowed, please refer to API document.");
  }
}
