package org.tsnext.core.history;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ReadinessReport;

/**
 * All versions of all models at one moment.
 *
 * @param versions sorted by name, the default version of each model first
 * @param readiness of the server
 */
public record ModelSample(Instant time, List<Version> versions, ReadinessReport readiness) {

  public ModelSample {
    Objects.requireNonNull(time, "time");
    versions = List.copyOf(versions);
    Objects.requireNonNull(readiness, "readiness");
  }

  /** One version, and what it did of late. */
  public record Version(ModelDescription description, Figures figures) {}
}
