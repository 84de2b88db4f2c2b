package org.tsnext.archive;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.tsnext.archive.ArchiveException.Reason;

/** Reads {@code WAR-INF/MANIFEST.json}. Thread-safe. */
public final class WorkflowManifestReader {

  /** Where a manifest is, relative to the workflow's folder. */
  public static final String FILE = "WAR-INF/MANIFEST.json";

  private final ManifestFields fields = new ManifestFields(FILE, "workflow");

  /**
   * The manifest of the workflow in {@code directory}.
   *
   * @throws ArchiveException naming the file and the place or the field that is wrong
   */
  public WorkflowManifest read(Path directory) throws ArchiveException {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new ArchiveException(
          Reason.INVALID,
          "There is no "
              + FILE
              + " in it: it is no workflow archive. torch-workflow-archiver makes one.");
    }
    return parse(BoundedFile.read(file, FILE));
  }

  WorkflowManifest parse(String text) throws ArchiveException {
    JsonObject root = fields.object(text);
    JsonElement entry = root.get("workflow");
    if (entry == null || entry.isJsonNull()) {
      throw new ArchiveException(Reason.INVALID, "Missing Workflow entry in manifest file.");
    }
    if (!entry.isJsonObject()) {
      throw fields.invalid("has a 'workflow' that is not an object");
    }
    JsonObject workflow = entry.getAsJsonObject();
    String name =
        fields
            .text(workflow, "workflowName")
            .orElseThrow(() -> fields.invalid("has no 'workflowName' in 'workflow'"));
    for (String required : new String[] {"archiverVersion", "createdOn"}) {
      if (fields.text(root, required).isEmpty()) {
        throw fields.invalid("has no '" + required + "'");
      }
    }
    return new WorkflowManifest(
        name,
        fields
            .path(workflow, "specFile")
            .orElseThrow(() -> fields.invalid("has no 'specFile' in 'workflow'")),
        fields.path(workflow, "handler"));
  }
}
