package org.tsnext.core.model;

import java.time.Duration;
import java.util.Objects;

/**
 * What it takes to register a model version again.
 *
 * @param order the registration, as it was asked for
 * @param scaled whether an order changed the number of workers after the registration
 * @param maxBatchDelay and the values around it are the effective ones
 * @param parallelLevel devices that one worker takes; 0 if it does not spread
 */
public record RegisteredModel(
    String name,
    String version,
    boolean defaultVersion,
    RegisterModel order,
    String runtime,
    int minWorkers,
    int maxWorkers,
    boolean scaled,
    int batchSize,
    Duration maxBatchDelay,
    Duration responseTimeout,
    Duration startupTimeout,
    int parallelLevel) {

  public RegisteredModel {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(order, "order");
  }
}
