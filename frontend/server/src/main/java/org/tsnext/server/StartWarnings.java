package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ModelsProperty;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.snapshot.SnapshotPlan;

/** What a person should hear about a start. Logs nothing itself: settings are printed without. */
final class StartWarnings {
  private StartWarnings() {}

  /** Everything to warn of, most important first. */
  static List<String> of(Settings settings, SnapshotPlan snapshots) {
    List<String> warnings = new ArrayList<>(RiskWarnings.of(settings));
    warnings.addAll(settings.warnings());
    settings.find(ModelKeys.MODELS).map(ModelsProperty::warnings).ifPresent(warnings::addAll);
    warnings.addAll(snapshots.warnings());
    return List.copyOf(warnings);
  }
}
