package org.tsnext.http.response;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;

/** The one place where an error becomes an HTTP answer. */
public final class ErrorRenderer {

  private static final Header AUTHENTICATE = new Header("www-authenticate", "Bearer");

  private final boolean showDetail;

  /**
   * Makes a renderer.
   *
   * @param showDetail whether bodies carry the cause in words
   */
  public ErrorRenderer(boolean showDetail) {
    this.showDetail = showDetail;
  }

  /**
   * Renders an error.
   *
   * @param allowed methods for the {@code Allow} header of a 405
   * @param target of the request; clients of the KServe v2 routes read the member {@code error}
   */
  public Response render(ServingException error, List<String> allowed, String target) {
    JsonObject body = new JsonObject();
    body.addProperty("code", error.httpStatus());
    body.addProperty("type", error.type());
    if (error.getMessage() != null) {
      body.addProperty("message", error.getMessage());
    }
    if (showDetail) {
      error.detail().ifPresent(text -> body.addProperty("detail", text));
    }
    if (target.startsWith("/v2/")) {
      body.addProperty("error", error.getMessage());
    }
    return Response.json(error.httpStatus(), headers(error, allowed), body);
  }

  private static List<Header> headers(ServingException error, List<String> allowed) {
    List<Header> headers = new ArrayList<>(1);
    error.retryAfter().ifPresent(wait -> headers.add(retryAfter(wait)));
    if (error.httpStatus() == 401) {
      headers.add(AUTHENTICATE);
    }
    if (error.httpStatus() == 405) {
      headers.add(new Header("allow", String.join(", ", allowed)));
    }
    return headers;
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
