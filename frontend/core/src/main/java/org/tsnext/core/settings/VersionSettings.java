package org.tsnext.core.settings;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.tsnext.archive.ModelConfig;

/**
 * What holds for one model version, after the registration, the model's own file, the {@code
 * models} property and the server's defaults have been asked, in that order.
 *
 * @param workers at the start; scaling changes it
 * @param config the model's own file
 * @param sources who set a value, by the value's name in a description
 */
public record VersionSettings(
    WorkerRange workers,
    Batching batching,
    Timeouts timeouts,
    QueueLimits queueLimits,
    Devices devices,
    ModelConfig config,
    Map<String, String> sources) {

  public VersionSettings {
    Objects.requireNonNull(workers, "workers");
    Objects.requireNonNull(batching, "batching");
    Objects.requireNonNull(timeouts, "timeouts");
    Objects.requireNonNull(queueLimits, "queueLimits");
    Objects.requireNonNull(devices, "devices");
    Objects.requireNonNull(config, "config");
    sources = Collections.unmodifiableMap(new LinkedHashMap<>(sources));
  }

  /** The same with the number of workers that holds now, and who set it. */
  public VersionSettings scaledTo(WorkerRange now, Map<String, String> by) {
    return new VersionSettings(now, batching, timeouts, queueLimits, devices, config, by);
  }

  /** The same with batching as it is now. */
  public VersionSettings batching(Batching now) {
    return new VersionSettings(workers, now, timeouts, queueLimits, devices, config, sources);
  }
}
