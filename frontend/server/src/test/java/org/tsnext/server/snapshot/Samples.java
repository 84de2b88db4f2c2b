package org.tsnext.server.snapshot;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.RegisteredModel;

/** Models to save. */
public final class Samples {
  private Samples() {}

  public static SavedModel model(String name, String version, String url) {
    return SavedModel.of(registered(name, version, url, false));
  }

  /** Registered over the API with a handler of its own and a delay, then scaled to 2..4 or not. */
  static RegisteredModel registered(String name, String version, String url, boolean scaled) {
    RegisterModel order =
        new RegisterModel(
            url,
            Optional.empty(),
            Optional.of("other.py:handle"),
            Optional.empty(),
            OptionalInt.empty(),
            Optional.of(Duration.ofMillis(7)),
            OptionalInt.of(2),
            Optional.of(Duration.ofSeconds(33)),
            Optional.empty(),
            true,
            true,
            false);
    return new RegisteredModel(
        name,
        version,
        true,
        order,
        "python",
        2,
        scaled ? 4 : 2,
        scaled,
        8,
        Duration.ofMillis(7),
        Duration.ofSeconds(33),
        Duration.ofSeconds(120),
        0);
  }
}
