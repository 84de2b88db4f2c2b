package org.tsnext.jobs.folder;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.jobs.job.JobTarget;
import org.tsnext.jobs.job.JobTicket;

/**
 * Jobs as the first lines of their files. Reading throws a RuntimeException if a member is wrong.
 */
final class JobJson {

  /** Another number is another form, which is not read. */
  private static final int FORMAT = 1;

  private JobJson() {}

  static JsonObject ofRequest(JobTicket ticket, InferenceRequest request) {
    JsonObject json = ofTicket(ticket);
    json.addProperty("kind", request.kind().name());
    request.timeout().ifPresent(timeout -> json.addProperty("timeoutMillis", timeout.toMillis()));
    json.add("headers", ofHeaders(request.headers()));
    JsonArray parts = new JsonArray();
    for (InputPart part : request.parts()) {
      JsonObject each = new JsonObject();
      each.addProperty("name", part.name());
      each.addProperty("contentType", part.contentType());
      each.addProperty("bytes", part.value().readableBytes());
      parts.add(each);
    }
    json.add("parts", parts);
    return json;
  }

  /**
   * The request of a file.
   *
   * @param body of all parts; stays the caller's, and the request has a part of it
   * @throws IOException if it has other lengths than the line says
   */
  static InferenceRequest request(JobTicket ticket, JsonObject json, ByteBuf body)
      throws IOException {
    List<InputPart> parts = new ArrayList<>();
    int position = body.readerIndex();
    for (JsonElement element : json.getAsJsonArray("parts")) {
      JsonObject part = element.getAsJsonObject();
      int bytes = part.get("bytes").getAsInt();
      if (bytes < 0 || bytes > body.writerIndex() - position) {
        parts.forEach(made -> made.value().release());
        throw new IOException("the file is shorter than its first line says");
      }
      parts.add(
          new InputPart(
              text(part, "name"), text(part, "contentType"), body.retainedSlice(position, bytes)));
      position += bytes;
    }
    return new InferenceRequest(
        ticket.requestId(),
        new InferenceRequest.Target(ticket.name(), ticket.version()),
        RequestKind.valueOf(text(json, "kind")),
        new InferenceRequest.Origin(Protocol.HTTP, false),
        headers(json.getAsJsonArray("headers")),
        parts,
        json.has("timeoutMillis")
            ? Optional.of(Duration.ofMillis(json.get("timeoutMillis").getAsLong()))
            : Optional.empty());
  }

  static JsonObject ofOutcome(JobTicket ticket, JobOutcome outcome) {
    JsonObject json = ofTicket(ticket);
    json.addProperty("status", outcome.status().name());
    outcome.started().ifPresent(at -> json.addProperty("started", at.toString()));
    json.addProperty("ended", outcome.ended().toString());
    json.addProperty("expires", outcome.expires().toString());
    json.addProperty("bytes", outcome.bytes());
    outcome.head().ifPresent(head -> json.add("head", ofHead(head)));
    outcome.error().ifPresent(error -> json.add("error", ofError(error)));
    return json;
  }

  static JobOutcome outcome(JsonObject json) {
    return new JobOutcome(
        JobStatus.valueOf(text(json, "status")),
        optional(json, "started").map(Instant::parse),
        Instant.parse(text(json, "ended")),
        Instant.parse(text(json, "expires")),
        json.has("head") ? Optional.of(head(json.getAsJsonObject("head"))) : Optional.empty(),
        json.has("error") ? Optional.of(error(json.getAsJsonObject("error"))) : Optional.empty(),
        json.get("bytes").getAsLong());
  }

  static JobTicket ticket(JsonObject json) throws IOException {
    if (!json.has("format") || json.get("format").getAsInt() != FORMAT) {
      throw new IOException("its format is not " + FORMAT);
    }
    return new JobTicket(
        text(json, "id"),
        JobTarget.valueOf(text(json, "target")),
        text(json, "model"),
        optional(json, "version"),
        text(json, "requestId"),
        Instant.parse(text(json, "created")),
        json.get("requestBytes").getAsLong());
  }

  private static JsonObject ofTicket(JobTicket ticket) {
    JsonObject json = new JsonObject();
    json.addProperty("format", FORMAT);
    json.addProperty("id", ticket.id());
    json.addProperty("target", ticket.target().name());
    json.addProperty("model", ticket.name());
    ticket.version().ifPresent(version -> json.addProperty("version", version));
    json.addProperty("requestId", ticket.requestId());
    json.addProperty("created", ticket.created().toString());
    json.addProperty("requestBytes", ticket.requestBytes());
    return json;
  }

  private static JsonObject ofHead(ResponseHead head) {
    JsonObject json = new JsonObject();
    json.addProperty("status", head.status());
    json.addProperty("reason", head.reason());
    json.addProperty("bodyKind", head.bodyKind().name());
    json.add("headers", ofHeaders(head.headers()));
    return json;
  }

  private static ResponseHead head(JsonObject json) {
    return new ResponseHead(
        json.get("status").getAsInt(),
        text(json, "reason"),
        ResponseHead.BodyKind.valueOf(text(json, "bodyKind")),
        headers(json.getAsJsonArray("headers")));
  }

  private static JsonObject ofError(ServingException error) {
    JsonObject json = new JsonObject();
    json.addProperty("kind", error.kind().name());
    json.addProperty("status", error.httpStatus());
    json.addProperty("message", error.getMessage());
    error.detail().ifPresent(detail -> json.addProperty("detail", detail));
    json.add("headers", ofHeaders(Header.of(error.headers())));
    return json;
  }

  private static ServingException error(JsonObject json) {
    ErrorKind kind = ErrorKind.valueOf(text(json, "kind"));
    String message = optional(json, "message").orElse(null);
    ServingException error =
        kind == ErrorKind.HANDLER_ERROR
            ? ServingException.ofHandler(json.get("status").getAsInt(), message)
            : new ServingException(kind, message);
    Map<String, String> headers =
        new LinkedHashMap<>(Header.byName(headers(json.getAsJsonArray("headers"))));
    ServingException whole = headers.isEmpty() ? error : error.withHeaders(headers);
    return optional(json, "detail").map(whole::withDetail).orElse(whole);
  }

  private static JsonArray ofHeaders(List<Header> headers) {
    JsonArray json = new JsonArray();
    for (Header header : headers) {
      JsonArray pair = new JsonArray();
      pair.add(header.name());
      pair.add(header.value());
      json.add(pair);
    }
    return json;
  }

  private static List<Header> headers(JsonArray json) {
    List<Header> headers = new ArrayList<>(json.size());
    for (JsonElement element : json) {
      JsonArray pair = element.getAsJsonArray();
      headers.add(new Header(pair.get(0).getAsString(), pair.get(1).getAsString()));
    }
    return headers;
  }

  private static String text(JsonObject json, String member) {
    return json.get(member).getAsString();
  }

  private static Optional<String> optional(JsonObject json, String member) {
    return json.has(member) && !json.get(member).isJsonNull()
        ? Optional.of(json.get(member).getAsString())
        : Optional.empty();
  }
}
