package org.tsnext.http.response;

import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether the parts of a stream have a form in which an error can be told after them: known by its
 * content type.
 */
public enum StreamForm {

  /** Server-sent events; the last one has the name {@code error}. */
  EVENTS {
    @Override
    public Optional<String> lastPart(JsonObject error, int lastByte) {
      // An event that was not finished ends here, and is not mixed with the error.
      String start = lastByte == '\n' ? "\n" : "\n\n";
      return Optional.of(start + "event: error\ndata: " + error + "\n\n");
    }
  },

  /** A JSON value on each line; the error is the last line. */
  JSON_LINES {
    @Override
    public Optional<String> lastPart(JsonObject error, int lastByte) {
      return Optional.of((lastByte == '\n' ? "" : "\n") + error + "\n");
    }
  },

  /** Anything else. */
  OTHER {
    @Override
    public Optional<String> lastPart(JsonObject error, int lastByte) {
      return Optional.empty();
    }
  };

  /** The form of what has a content type, with or without parameters. */
  public static StreamForm of(String contentType) {
    int end = contentType.indexOf(';');
    String type = end < 0 ? contentType : contentType.substring(0, end);
    return switch (type.trim().toLowerCase(Locale.ROOT)) {
      case "text/event-stream" -> EVENTS;
      case "application/x-ndjson",
          "application/ndjson",
          "application/jsonl",
          "application/jsonlines",
          "application/json-lines",
          "application/x-jsonlines" ->
          JSON_LINES;
      default -> OTHER;
    };
  }

  /**
   * What tells an error after the parts of a stream; empty if the form has no place for it.
   *
   * @param error as {@link ErrorRenderer#wrapped} gives it
   * @param lastByte of the parts before it
   */
  public abstract Optional<String> lastPart(JsonObject error, int lastByte);
}
