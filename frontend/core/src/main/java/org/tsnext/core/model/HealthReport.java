package org.tsnext.core.model;

import java.util.List;

/** The answer of {@code /ping}: healthy iff no model is short of workers. */
public record HealthReport(List<ShortModel> shortModels) {

  public HealthReport {
    shortModels = List.copyOf(shortModels);
  }

  public boolean healthy() {
    return shortModels.isEmpty();
  }

  /**
   * A default version with too few healthy workers.
   *
   * @param ready healthy workers
   * @param min workers it should have
   */
  public record ShortModel(String name, String version, int ready, int min, String reason) {}
}
