package org.tsnext.http.response;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.Sentences;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.request.RequestTarget;

/**
 * Errors as clients of the OpenAI API read them: {@code {"error": {message, type, param, code}}}.
 */
public final class OpenAiErrors {

  private static final String ROOT = "/v1";
  private static final String MODELS = "/v1/models";

  private OpenAiErrors() {}

  /** Whether clients of OpenAI alone ask that. */
  public static boolean isOnlyFor(String path) {
    return RequestTarget.isUnder(ROOT, path) && !isModels(path);
  }

  /** Whether clients of OpenAI ask that, and others as well. */
  static boolean isAlsoFor(String path) {
    return isModels(path) && path.indexOf(':') < 0;
  }

  private static boolean isModels(String path) {
    return RequestTarget.isUnder(MODELS, path);
  }

  /** The status: a wrong token is what OpenAI calls a wrong API key. */
  static int status(ServingException error) {
    return error.kind() == ErrorKind.TOKEN_FORBIDDEN ? 401 : error.httpStatus();
  }

  /**
   * The member {@code error}.
   *
   * @param detail the cause, if it is to be told; clients show nothing but the message
   */
  static JsonObject error(ServingException error, Optional<String> detail) {
    JsonObject json = new JsonObject();
    json.addProperty("message", message(String.valueOf(error.getMessage()), detail));
    json.addProperty("type", type(status(error)));
    if (error.kind() == ErrorKind.MODEL_NOT_FOUND) {
      json.addProperty("param", "model");
    } else {
      json.add("param", JsonNull.INSTANCE);
    }
    json.addProperty("code", code(error));
    return json;
  }

  private static String message(String text, Optional<String> detail) {
    return detail.map(cause -> Sentences.withCause(text, cause)).orElse(text);
  }

  private static String type(int status) {
    return switch (status) {
      case 403 -> "permission_error";
      case 429 -> "rate_limit_error";
      default -> status < 500 ? "invalid_request_error" : "server_error";
    };
  }

  private static String code(ServingException error) {
    return switch (error.kind()) {
      case TOKEN_MISSING, TOKEN_FORBIDDEN, TOKEN_REFUSED -> "invalid_api_key";
      case HANDLER_ERROR -> error.httpStatus() == 429 ? "rate_limit_exceeded" : "handler_error";
      default -> error.kind().name().toLowerCase(Locale.ROOT);
    };
  }
}
