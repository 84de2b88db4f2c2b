package org.tsnext.archive;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.IOException;
import java.io.StringReader;
import java.util.Optional;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Reads the JSON of a manifest and its fields. Each refusal names the file and the field.
 *
 * @param file what messages call the manifest
 * @param owner what the folder belongs to, for messages: model or workflow
 */
record ManifestFields(String file, String owner) {

  private static final TypeAdapter<JsonElement> JSON = new Gson().getAdapter(JsonElement.class);

  /** The whole manifest. */
  JsonObject object(String text) throws ArchiveException {
    JsonElement root = parse(text);
    if (!root.isJsonObject()) {
      throw invalid("is not a JSON object");
    }
    return root.getAsJsonObject();
  }

  /** A text or a number; empty if there is none. */
  Optional<String> text(JsonObject fields, String name) throws ArchiveException {
    JsonElement value = fields.get(name);
    if (value == null || value.isJsonNull()) {
      return Optional.empty();
    }
    boolean scalar =
        value.isJsonPrimitive()
            && (value.getAsJsonPrimitive().isString() || value.getAsJsonPrimitive().isNumber());
    if (!scalar) {
      throw invalid(
          "field '" + name + "' is " + PrintableText.of(value.toString()) + ", expected a text");
    }
    String text = value.getAsString();
    return text.isEmpty() ? Optional.empty() : Optional.of(text);
  }

  /** The name of a file that is within the folder. */
  Optional<String> path(JsonObject fields, String name) throws ArchiveException {
    Optional<String> path = text(fields, name);
    if (path.isPresent()) {
      checkInside(name, path.get(), path.get());
    }
    return path;
  }

  /**
   * Refuses a path that leads out of the folder.
   *
   * @param value of the field, for the message
   */
  void checkInside(String field, String value, String path) throws ArchiveException {
    boolean inside = !path.isEmpty() && !path.startsWith("/") && path.indexOf('\\') < 0;
    for (String part : path.split("/", -1)) {
      inside &= !part.equals("..");
    }
    for (int i = 0; i < path.length(); i++) {
      inside &= !Character.isISOControl(path.charAt(i));
    }
    if (!inside) {
      throw invalid(
          "field '"
              + field
              + "' is '"
              + PrintableText.of(value)
              + "', expected the name of a file inside the "
              + owner
              + "'s folder");
    }
  }

  /** The refusal of the manifest, by the end of a sentence that begins with the file's name. */
  ArchiveException invalid(String what) {
    return new ArchiveException(Reason.INVALID, file + " " + what);
  }

  private JsonElement parse(String text) throws ArchiveException {
    JsonReader reader = new JsonReader(new StringReader(text));
    reader.setStrictness(Strictness.LEGACY_STRICT);
    try {
      if (text.isBlank()) {
        throw invalid("is empty, expected a JSON object");
      }
      JsonElement root = JSON.read(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new MalformedJsonException("text after the end");
      }
      return root;
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw new ArchiveException(
          Reason.INVALID, file + " is not valid JSON" + place(reader.toString()), e);
    }
  }

  /** Cuts {@code at line 1 column 5 path $.model} out of how a reader shows itself. */
  private static String place(String reader) {
    int at = reader.indexOf(" at line ");
    return at < 0 ? "" : PrintableText.of(reader.substring(at));
  }
}
