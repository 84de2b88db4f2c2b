package org.tsnext.server.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.server.metrics.MetricsConfig;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;

/** What there is to say of files that a start reads beside its settings and models. */
public final class StartFindings {
  private StartFindings() {}

  /** Of the definitions of metrics. */
  public static List<Finding> ofMetrics(Settings settings) {
    Optional<Path> file = settings.find(ServerKeys.METRICS_CONFIG);
    if (file.isEmpty()) {
      return List.of();
    }
    String name = file.get().toString();
    try {
      var definitions = MetricsConfig.read(file.get());
      return List.of(
          Finding.works(
              name,
              "It declares %d metrics of the server and %d of handlers"
                  .formatted(definitions.frontend().size(), definitions.model().size())));
    } catch (IOException e) {
      return List.of(
          Finding.fails(
              name,
              "It cannot be used as metrics_config: " + e.getMessage(),
              "correct the file; TorchServe 0.12 ran without metrics, and its workers ended by it"));
    }
  }

  /** Of what would be restored. */
  public static List<Finding> ofSnapshots(SnapshotPlan plan) {
    List<Finding> findings = new ArrayList<>();
    for (SnapshotPlan.Remark remark : plan.remarks()) {
      findings.add(
          remark
              .differs()
              .map(row -> ofRow(row, remark.text()))
              .orElseGet(() -> Finding.works("snapshots", remark.text())));
    }
    return findings;
  }

  private static Finding ofRow(Deviation row, String text) {
    String more =
        row == Deviation.SNAPSHOT_CONTENT
            ? " Settings and options that were saved with it do not come back."
            : "";
    return MetDeviations.differs(row, "snapshots", text + more);
  }

  /** Of the differences that clients and operators of such a server meet. */
  public static List<Finding> ofDifferences(Settings settings) {
    return MetDeviations.of(settings);
  }
}
