package org.tsnext.server.persistence;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.InvalidSettingsException;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.Settings.Source;
import org.tsnext.server.snapshot.Snapshot;
import org.tsnext.server.snapshot.SnapshotJson;

/**
 * What one start does about snapshots.
 *
 * @param restored the state to begin with, if there is one
 * @param folder where to save; empty to save nothing
 * @param remarks what a person should or may want to know
 */
public record SnapshotPlan(
    Optional<Snapshot> restored, Optional<SnapshotFolder> folder, List<Remark> remarks) {

  /**
   * A full sentence.
   *
   * @param warning whether it should be heard at start
   * @param differs the row by which TorchServe 0.12 did otherwise
   */
  public record Remark(boolean warning, Optional<Deviation> differs, String text) {}

  /** Neither reads nor writes. */
  public static final SnapshotPlan NONE =
      new SnapshotPlan(Optional.empty(), Optional.empty(), List.of());

  public SnapshotPlan {
    remarks = List.copyOf(remarks);
  }

  /** What a person may want to know, as full sentences. */
  public List<String> notes() {
    return remarks.stream().filter(remark -> !remark.warning()).map(Remark::text).toList();
  }

  /** What a person should hear, as full sentences. */
  public List<String> warnings() {
    return remarks.stream().filter(Remark::warning).map(Remark::text).toList();
  }

  /**
   * Decides for a start. Models that the operator names now, on the command line or in the
   * environment, win over any saved state; the newest snapshot of the folder wins over what a
   * {@code config.properties} that merely lies in the working folder says; a file that was named is
   * followed as it stands.
   *
   * @param enabled whether snapshots are read and written, which {@code --ncs} denies
   * @param fileIsNamed whether the settings file was named
   */
  public static SnapshotPlan of(
      Settings settings, boolean enabled, boolean fileIsNamed, SnapshotFolder folder) {
    Choice choice = new Choice(settings, folder);
    Optional<Snapshot> restored =
        choice.modelsAreNamedNow()
            ? choice.passOver(enabled && !fileIsNamed)
            : choice.take(enabled && !fileIsNamed);
    return new SnapshotPlan(
        restored, enabled ? Optional.of(folder) : Optional.empty(), choice.remarks);
  }

  /** One decision under way. */
  private static final class Choice {
    private final Settings settings;
    private final SnapshotFolder folder;
    private final List<Remark> remarks = new ArrayList<>();

    Choice(Settings settings, SnapshotFolder folder) {
      this.settings = settings;
      this.folder = folder;
    }

    /** Whether models that are named now win over a saved state. */
    private boolean namesCount() {
      return !settings.get(ServerKeys.COMPATIBILITY).isOriginal(Deviation.SNAPSHOT_ORDER);
    }

    boolean modelsAreNamedNow() {
      if (!namesCount()) {
        return false;
      }
      Source.Kind kind = settings.source(ModelKeys.LOAD_MODELS).kind();
      return kind == Source.Kind.COMMAND_LINE || kind == Source.Kind.ENVIRONMENT;
    }

    Optional<Snapshot> passOver(boolean folderCounts) {
      String named = "models are named by " + settings.source(ModelKeys.LOAD_MODELS) + ".";
      if (settings.find(ModelKeys.MODEL_SNAPSHOT).isPresent()) {
        warn(
            Optional.of(Deviation.SNAPSHOT_ORDER),
            "model_snapshot (%s) is not restored: %s"
                .formatted(settings.source(ModelKeys.MODEL_SNAPSHOT), named));
      }
      if (folderCounts && !files().isEmpty()) {
        note(
            Optional.of(Deviation.SNAPSHOT_ORDER),
            "The state saved in %s is not restored: %s".formatted(folder, named));
      }
      return Optional.empty();
    }

    Optional<Snapshot> take(boolean folderCounts) {
      if (folderCounts) {
        for (Path file : files()) {
          Optional<Snapshot> snapshot = read(file);
          if (snapshot.isPresent()) {
            if (snapshot.get().models().isEmpty()) {
              note(
                  Optional.empty(),
                  "The state saved in %s has no models: nothing is restored.".formatted(file));
              break;
            }
            return Optional.of(restored(snapshot.get(), file.toString(), true));
          }
        }
      }
      return settings
          .find(ModelKeys.MODEL_SNAPSHOT)
          .filter(snapshot -> !snapshot.models().isEmpty())
          .map(
              snapshot ->
                  restored(
                      snapshot,
                      "model_snapshot, " + settings.source(ModelKeys.MODEL_SNAPSHOT),
                      false));
    }

    private Snapshot restored(Snapshot snapshot, String from, boolean fromFolder) {
      note(
          fromFolder ? Optional.of(Deviation.SNAPSHOT_CONTENT) : Optional.empty(),
          "Restoring the state of %d model versions, saved %s, from %s. To start without it, %s."
              .formatted(
                  snapshot.models().size(),
                  snapshot.created().map(time -> "at " + time).orElse("by hand"),
                  from,
                  instead(fromFolder)));
      if (settings.isSet(ModelKeys.LOAD_MODELS)) {
        warn(
            Optional.empty(),
            "load_models (%s) is not followed: the state of %s is restored. To load those models, %s."
                .formatted(settings.source(ModelKeys.LOAD_MODELS), from, instead(fromFolder)));
      }
      return snapshot;
    }

    /** What a user does who does not want the saved state. */
    private String instead(boolean fromFolder) {
      String way = fromFolder ? "use --ncs" : "remove model_snapshot";
      return namesCount() ? way + " or name models by --models" : way;
    }

    private List<Path> files() {
      try {
        return folder.newestFirst();
      } catch (IOException e) {
        warn(Optional.empty(), "The snapshots in %s cannot be listed: %s".formatted(folder, e));
        return List.of();
      }
    }

    private void warn(Optional<Deviation> differs, String text) {
      remarks.add(new Remark(true, differs, text));
    }

    private void note(Optional<Deviation> differs, String text) {
      remarks.add(new Remark(false, differs, text));
    }

    /** Only the models: what else was saved there has flags of another start in it. */
    private Optional<Snapshot> read(Path file) {
      try {
        String json = ConfigFile.read(file).values().get("model_snapshot");
        if (json != null) {
          return Optional.of(SnapshotJson.read(json));
        }
        warn(
            Optional.empty(),
            "The snapshot %s is passed over: it has no model_snapshot.".formatted(file));
      } catch (InvalidSettingsException | IllegalArgumentException e) {
        warn(
            Optional.empty(),
            "The snapshot %s is passed over: %s.".formatted(file, e.getMessage()));
      }
      return Optional.empty();
    }
  }
}
