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
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import org.tsnext.archive.ArchiveException.Reason;

/** Reads {@code MAR-INF/MANIFEST.json}. Thread-safe. */
public final class ManifestReader {

  /** Where a manifest is, relative to the model's folder. */
  public static final String FILE = "MAR-INF/MANIFEST.json";

  private static final TypeAdapter<JsonElement> JSON = new Gson().getAdapter(JsonElement.class);

  /**
   * The manifest of the model in {@code directory}, empty if there is none.
   *
   * @throws ArchiveException naming the file and the place or the field that is wrong
   */
  public Optional<Manifest> read(Path directory) throws ArchiveException {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    return Optional.of(parse(BoundedFile.read(file, FILE)));
  }

  Manifest parse(String text) throws ArchiveException {
    JsonElement root = parseJson(text);
    if (!root.isJsonObject()) {
      throw invalid("is not a JSON object");
    }
    JsonElement model = root.getAsJsonObject().get("model");
    if (model == null || model.isJsonNull()) {
      throw new ArchiveException(Reason.INVALID, "Missing Model entry in manifest file.");
    }
    if (!model.isJsonObject()) {
      throw invalid("has a 'model' that is not an object");
    }
    JsonObject fields = model.getAsJsonObject();
    return new Manifest(
        text(fields, "modelName"),
        text(fields, "modelVersion"),
        handler(fields),
        text(fields, "envelope"),
        text(root.getAsJsonObject(), "runtime").orElse("python"),
        new Manifest.NamedFiles(
            path(fields, "serializedFile"),
            path(fields, "modelFile"),
            path(fields, "requirementsFile"),
            path(fields, "configFile")));
  }

  private static JsonElement parseJson(String text) throws ArchiveException {
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
          Reason.INVALID, FILE + " is not valid JSON" + place(reader.toString()), e);
    }
  }

  /** Cuts {@code at line 1 column 5 path $.model} out of how a reader shows itself. */
  private static String place(String reader) {
    int at = reader.indexOf(" at line ");
    return at < 0 ? "" : PrintableText.of(reader.substring(at));
  }

  private static Optional<String> text(JsonObject fields, String name) throws ArchiveException {
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

  private static Optional<String> path(JsonObject fields, String name) throws ArchiveException {
    Optional<String> path = text(fields, name);
    if (path.isPresent()) {
      checkInside(name, path.get(), path.get());
    }
    return path;
  }

  private static Optional<String> handler(JsonObject fields) throws ArchiveException {
    Optional<String> handler = text(fields, "handler");
    if (handler.isPresent()) {
      String value = handler.get();
      int colon = value.lastIndexOf(':');
      checkInside("handler", value, colon < 0 ? value : value.substring(0, colon));
    }
    return handler;
  }

  private static void checkInside(String field, String value, String path) throws ArchiveException {
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
              + "', expected the name of a file inside the model's folder");
    }
  }

  private static ArchiveException invalid(String what) {
    return new ArchiveException(Reason.INVALID, FILE + " " + what);
  }
}
