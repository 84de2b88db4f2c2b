package org.tsnext.http.openapi;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.tsnext.http.response.Response;

/** The error answers that API descriptions name, by status. */
final class ErrorResponses {

  /** What any route can answer: the transport refuses, or the server fails or leaves. */
  static final List<Integer> OF_EVERY_ROUTE =
      List.of(400, 401, 403, 408, 413, 414, 417, 431, 500, 501, 503, 505, 507);

  private static final Map<Integer, String> MEANINGS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry(400, "Malformed or with a wrong value; the message names it"),
              Map.entry(401, "A token is missing"),
              Map.entry(403, "The token or the Host does not fit, or the change is not allowed"),
              Map.entry(404, "There is no such model or version"),
              Map.entry(405, "Disabled; the detail names the switch"),
              Map.entry(408, "The body was not received, or the workers did not end, in time"),
              Map.entry(409, "It exists already, or is being unregistered"),
              Map.entry(413, "The body is larger than max_request_size"),
              Map.entry(414, "The start line is too long"),
              Map.entry(417, "An expectation other than 100-continue"),
              Map.entry(429, "There are as many jobs as may be, or an engine wants fewer requests"),
              Map.entry(431, "The headers are too large"),
              Map.entry(500, "The server or a worker failed"),
              Map.entry(501, "The method, the transfer coding or the option is not supported"),
              Map.entry(503, "No worker can take it, or the model failed"),
              Map.entry(504, "No response in time"),
              Map.entry(505, "Not HTTP/1.0 or HTTP/1.1"),
              Map.entry(507, "Out of memory")));

  private ErrorResponses() {}

  /**
   * A reference to a response of {@link #all}.
   *
   * @param schema {@link Schemas#ERROR} or {@link Schemas#OPEN_AI_ERROR}
   */
  static JsonObject reference(int status, String schema) {
    if (!MEANINGS.containsKey(status)) {
      throw new IllegalArgumentException("error status " + status + " has no description");
    }
    return OpenApiDocument.reference("responses", schema + status);
  }

  /** Those of the schemas that are used. */
  static JsonObject all(Set<String> schemas) {
    JsonObject json = new JsonObject();
    for (String schema : schemas) {
      MEANINGS.forEach((status, meaning) -> json.add(schema + status, response(meaning, schema)));
    }
    return json;
  }

  private static JsonObject response(String description, String schema) {
    return OpenApiDocument.response(
        description, Response.APPLICATION_JSON, Schemas.reference(schema));
  }
}
