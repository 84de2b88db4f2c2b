package org.tsnext.server.snapshot;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.RegisteredModel;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.Devices;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.settings.WorkerRange;

/** Models to save. */
public final class Samples {
  private Samples() {}

  public static SavedModel model(String name, String version, String url) {
    return SavedModel.of(registered(name, version, url, false));
  }

  /** Registered over the API with a handler of its own and a delay, then scaled to 2..4 or not. */
  static RegisteredModel registered(String name, String version, String url, boolean scaled) {
    RegisterModel request =
        new RegisterModel(
            new RegisterModel.Source(url, true),
            Optional.empty(),
            Optional.of("other.py:handle"),
            Optional.empty(),
            new RegisterModel.Requested(
                OptionalInt.empty(),
                Optional.of(Duration.ofMillis(7)),
                OptionalInt.of(2),
                Optional.of(Duration.ofSeconds(33)),
                Optional.empty()),
            RegisterModel.Origin.CLIENT,
            true);
    return new RegisteredModel(
        new VersionId(name, version),
        true,
        request,
        "python",
        scaled,
        new VersionSettings(
            new WorkerRange(2, scaled ? 4 : 2),
            new Batching(8, Duration.ofMillis(7), false),
            new Timeouts(
                Duration.ofSeconds(33),
                Duration.ofSeconds(120),
                Duration.ofMinutes(5),
                Duration.ZERO),
            new QueueLimits(100, false),
            Devices.CPU,
            ModelConfig.none(),
            Map.of()));
  }
}
