package org.tsnext.server.check;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfigWarnings;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelPreview;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.settings.VersionId;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ModelsProperty;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;

/**
 * What there is to say of models that a start would load. Archives are unpacked by {@code source},
 * one after the other, and released at once.
 */
public final class ModelFindings {
  private static final String FILE_URL = "file:";

  private final Settings settings;
  private final ModelSource source;
  private final ModelPreview preview;
  private final HandlerFiles handlers;
  private final List<Finding> findings = new ArrayList<>();
  private final Set<VersionId> seen = new HashSet<>();
  private boolean complete = true;

  private ModelFindings(
      Settings settings,
      ModelSource source,
      ModelPreview preview,
      Map<String, String> environment) {
    this.settings = settings;
    this.source = source;
    this.preview = preview;
    this.handlers = new HandlerFiles(settings.find(ServerKeys.MODEL_SERVER_HOME), environment);
  }

  /**
   * Of each model, in their order.
   *
   * @param source opens locations as the start does; nothing is fetched from it over a network
   * @param environment the server's own
   */
  public static List<Finding> of(
      List<RegisterModel> registrations,
      Settings settings,
      ModelSource source,
      ModelPreview preview,
      Map<String, String> environment) {
    ModelFindings all = new ModelFindings(settings, source, preview, environment);
    registrations.forEach(all::look);
    all.lookAtOverrides();
    return all.findings;
  }

  private void look(RegisterModel registration) {
    String shown = ModelLocation.publicText(registration.source().url());
    try {
      ModelLocation location =
          ModelLocation.parse(
              registration.source().url(),
              registration.origin().trusted(),
              registration.source().s3SseKms());
      if (location.isUrl() && !location.text().toLowerCase(Locale.ROOT).startsWith(FILE_URL)) {
        complete = false;
        findings.add(Finding.works(shown, "The start fetches it; the check does not"));
        return;
      }
      ModelArchive archive = source.open(location);
      try {
        look(shown, registration, archive);
      } finally {
        source.release(archive);
      }
    } catch (ArchiveException e) {
      complete = false;
      String detail = e.detail().map(text -> ": " + text).orElse("");
      findings.add(Finding.fails(shown, e.getMessage() + detail, remedy(e)));
    }
  }

  private static String remedy(ArchiveException e) {
    return switch (e.reason()) {
      case NOT_FOUND -> "put it into the model store, or take it out of what the start loads";
      case INVALID -> "pack the model again with what is expected there";
      case DOWNLOAD_FAILED, NO_SPACE, IO ->
          "make it readable, with room in the folder for temporary files";
    };
  }

  private void look(String shown, RegisterModel registration, ModelArchive archive) {
    ModelPreview.Version version;
    try {
      version = preview.of(registration, archive);
    } catch (ServingException e) {
      complete = false;
      String detail = e.detail().map(text -> ": " + text).orElse("");
      findings.add(Finding.fails(shown, e.getMessage() + detail, remedy(e)));
      return;
    }
    VersionId id = version.id();
    String named = "model %s, version %s".formatted(id.name(), id.version());
    int before = findings.size();
    if (!seen.add(id)) {
      fails(
          shown,
          "It is " + named + ", as another one is",
          "give one of them another name or version");
    }
    lookAtHandler(shown, version, archive);
    archive.manifest().ifPresent(manifest -> lookAtFiles(shown, version, archive, manifest));
    boolean fails =
        findings.subList(before, findings.size()).stream()
            .anyMatch(finding -> finding.level() == Finding.Level.FAILS);
    if (!fails) {
      findings.add(
          before,
          Finding.works(
              shown, "It is %s, with the handler %s".formatted(named, version.handler())));
    }
    for (String warning : ModelConfigWarnings.of(archive.config())) {
      findings.add(
          Finding.works(shown, warning, "correct model-config.yaml and pack the model again"));
    }
    for (String remark : version.remarks()) {
      findings.add(
          Finding.works(
              shown, named + ": " + remark, "have fewer processes, or a machine that has more"));
    }
  }

  private static String remedy(ServingException e) {
    return e.kind() == ErrorKind.NOT_SUPPORTED
        ? "do without it"
        : "pack the model again with what is expected there";
  }

  private void lookAtHandler(String shown, ModelPreview.Version version, ModelArchive archive) {
    if (!handlers.has(archive.directory(), version.handler())) {
      fails(
          shown,
          "The handler %s is neither in the model's folder, nor a default one, nor on PYTHONPATH"
              .formatted(version.handler()),
          "pack it with --handler, or set PYTHONPATH to the folder that has it");
    }
    Optional<String> envelope = version.envelope();
    if (envelope.isPresent() && !handlers.hasEnvelope(envelope.get())) {
      fails(
          shown,
          "There is no request envelope " + envelope.get(),
          "expected body, json, kserve, kservev2 or a module of your own beside them");
    }
  }

  private void lookAtFiles(
      String shown, ModelPreview.Version version, ModelArchive archive, Manifest manifest) {
    boolean isDefault = handlers.isDefault(archive.directory(), version.handler());
    Manifest.NamedFiles files = manifest.files();
    missing(archive, files.serializedFile())
        .or(() -> missing(archive, files.modelFile()))
        .ifPresent(
            file -> {
              String what = "The manifest names %s, which the model does not have".formatted(file);
              if (isDefault) {
                fails(shown, what + ", and the default handler loads it", "pack it with the model");
              } else {
                findings.add(
                    Finding.works(shown, what, "pack it, unless the handler does without it"));
              }
            });
    if (isDefault && files.modelFile().isPresent() && files.serializedFile().isPresent()) {
      findings.add(MetDeviations.differs(Deviation.WEIGHTS_ONLY, shown));
    }
    files.requirementsFile().ifPresent(file -> lookAtRequirements(shown, archive, file));
  }

  private void lookAtRequirements(String shown, ModelArchive archive, String file) {
    if (!settings.get(ModelKeys.INSTALL_PY_DEP_PER_MODEL)) {
      findings.add(
          Finding.works(
              shown,
              "Its requirements (%s) are not installed, since install_py_dep_per_model is not true"
                  .formatted(file),
              "install_py_dep_per_model=true installs them for this model; else the server's Python"
                  + " must have them"));
    } else if (missing(archive, Optional.of(file)).isPresent()) {
      fails(
          shown,
          "The manifest names the requirements %s, which the model does not have".formatted(file),
          "pack them with --requirements-file");
    }
  }

  private static Optional<String> missing(ModelArchive archive, Optional<String> file) {
    Path folder = archive.directory();
    return file.filter(name -> !Files.exists(folder.resolve(name)));
  }

  /** Members of the {@code models} property that mean none of these versions. */
  private void lookAtOverrides() {
    Map<String, Map<String, ?>> overrides =
        Map.copyOf(settings.find(ModelKeys.MODELS).orElse(ModelsProperty.NONE).byModel());
    if (!complete) {
      return;
    }
    for (String name : overrides.keySet().stream().sorted().toList()) {
      for (String version : overrides.get(name).keySet().stream().sorted().toList()) {
        if (!seen.contains(new VersionId(name, version))) {
          List<String> there =
              seen.stream()
                  .filter(id -> id.name().equals(name))
                  .map(VersionId::version)
                  .sorted()
                  .toList();
          findings.add(
              Finding.works(
                  "models",
                  "What it says of model %s, version %s, has no effect, as in TorchServe 0.12: %s"
                      .formatted(
                          name,
                          version,
                          there.isEmpty()
                              ? "there is no such model"
                              : "there is version " + String.join(", ", there)),
                  "write name and version as the archive's manifest has them"));
        }
      }
    }
  }

  private void fails(String shown, String what, String remedy) {
    findings.add(Finding.fails(shown, what, remedy));
  }
}
