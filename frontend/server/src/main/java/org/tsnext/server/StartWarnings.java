package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ModelsProperty;
import org.tsnext.server.settings.Settings;

/** What a person should hear about a start. Logs nothing itself: settings are printed without. */
final class StartWarnings {
  private StartWarnings() {}

  /** Everything to warn of, most important first. */
  static List<String> of(Settings settings, SnapshotPlan snapshots) {
    List<String> warnings = new ArrayList<>(RiskWarnings.of(settings));
    new ModuleSettings(settings, Runtime.getRuntime().availableProcessors())
        .descriptors()
        .warning()
        .ifPresent(warnings::add);
    fileNames(System.getProperty("sun.jnu.encoding", "UTF-8")).ifPresent(warnings::add);
    warnings.addAll(settings.warnings());
    settings.find(ModelKeys.MODELS).map(ModelsProperty::warnings).ifPresent(warnings::addAll);
    warnings.addAll(snapshots.warnings());
    return List.copyOf(warnings);
  }

  /**
   * Present where files can have names that the JVM cannot use: it was not started by the command,
   * or there is no locale of UTF-8.
   */
  static Optional<String> fileNames(String encoding) {
    return encoding.equalsIgnoreCase("UTF-8")
        ? Optional.empty()
        : Optional.of(
            "Files whose names are not plain ASCII cannot be served: the JVM takes names to be "
                + encoding
                + ", by its locale. Set LC_ALL to one of UTF-8, such as C.UTF-8.");
  }
}
