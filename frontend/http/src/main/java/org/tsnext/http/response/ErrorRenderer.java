package org.tsnext.http.response;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;

/** The one place where an error becomes an HTTP answer. */
public final class ErrorRenderer {

  private static final Header RETRY_AFTER = new Header("retry-after", "1");
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

  public Response render(ServingException error) {
    return render(error, List.of());
  }

  /**
   * Renders an error that may be a 405.
   *
   * @param allowed methods for the {@code Allow} header of a 405
   */
  public Response render(ServingException error, List<String> allowed) {
    JsonObject body = new JsonObject();
    body.addProperty("code", error.httpStatus());
    body.addProperty("type", error.kind().type());
    if (error.getMessage() != null) {
      body.addProperty("message", error.getMessage());
    }
    if (showDetail) {
      error.detail().ifPresent(text -> body.addProperty("detail", text));
    }
    return Response.json(error.httpStatus(), headers(error, allowed), body);
  }

  private static List<Header> headers(ServingException error, List<String> allowed) {
    List<Header> headers = new ArrayList<>(1);
    if (error.httpStatus() == 503) {
      headers.add(RETRY_AFTER);
    }
    if (error.httpStatus() == 401) {
      headers.add(AUTHENTICATE);
    }
    if (error.httpStatus() == 405) {
      headers.add(new Header("allow", String.join(", ", allowed)));
    }
    return headers;
  }

  /** What an unknown path is answered. */
  public static ServingException notFound() {
    return new ServingException(
        ErrorKind.RESOURCE_NOT_FOUND,
        "Requested resource is not found, please refer to API document.");
  }

  /** What a wrong method is answered. */
  public static ServingException methodNotAllowed() {
    return new ServingException(ErrorKind.METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED_TEXT);
  }

  /** The first sentence of every 405. */
  public static final String METHOD_NOT_ALLOWED_TEXT =
      "Requested method is not allowed, please refer to API document.";
}
