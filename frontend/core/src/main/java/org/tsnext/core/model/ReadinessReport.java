package org.tsnext.core.model;

import java.util.List;
import java.util.Objects;
import org.tsnext.core.model.HealthReport.ShortModel;

/**
 * Whether requests should be sent here, for the whole server or for one model: the one decision
 * that every probe of readiness tells.
 *
 * @param reason why the server takes no part at the moment, in a sentence; else empty
 * @param notReady the models that keep it from being ready, and why
 */
public record ReadinessReport(String reason, List<ShortModel> notReady) {

  /** Nothing stands against it. */
  public static final ReadinessReport READY = new ReadinessReport("", List.of());

  public ReadinessReport {
    Objects.requireNonNull(reason, "reason");
    notReady = List.copyOf(notReady);
  }

  /** Not ready for that reason. */
  static ReadinessReport of(String reason) {
    return new ReadinessReport(reason, List.of());
  }

  /** Ready if there is no such model. */
  static ReadinessReport of(List<ShortModel> notReady) {
    return new ReadinessReport("", notReady);
  }

  public boolean ready() {
    return reason.isEmpty() && notReady.isEmpty();
  }
}
