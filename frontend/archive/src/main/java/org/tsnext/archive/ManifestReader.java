package org.tsnext.archive;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import org.tsnext.archive.ArchiveException.Reason;

/** Reads {@code MAR-INF/MANIFEST.json}. Thread-safe. */
public final class ManifestReader {

  /** Where a manifest is, relative to the model's folder. */
  public static final String FILE = "MAR-INF/MANIFEST.json";

  private final ManifestFields fields = new ManifestFields(FILE, "model");

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
    JsonObject root = fields.object(text);
    JsonElement entry = root.get("model");
    if (entry == null || entry.isJsonNull()) {
      throw new ArchiveException(Reason.INVALID, "Missing Model entry in manifest file.");
    }
    if (!entry.isJsonObject()) {
      throw fields.invalid("has a 'model' that is not an object");
    }
    JsonObject model = entry.getAsJsonObject();
    return new Manifest(
        fields.text(model, "modelName"),
        fields.text(model, "modelVersion"),
        handler(model),
        fields.text(model, "envelope"),
        fields.text(root, "runtime").orElse("python"),
        new Manifest.NamedFiles(
            fields.path(model, "serializedFile"),
            fields.path(model, "modelFile"),
            fields.path(model, "requirementsFile"),
            fields.path(model, "configFile")));
  }

  private Optional<String> handler(JsonObject model) throws ArchiveException {
    Optional<String> handler = fields.text(model, "handler");
    if (handler.isPresent()) {
      String value = handler.get();
      int colon = value.lastIndexOf(':');
      fields.checkInside("handler", value, colon < 0 ? value : value.substring(0, colon));
    }
    return handler;
  }
}
