package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A worker as it is at one moment, for descriptions and health.
 *
 * @param pid empty while it has no process
 */
public record WorkerView(
    Identity identity,
    WorkerState state,
    Instant stateSince,
    OptionalLong pid,
    WorkerLoad load,
    History history,
    Optional<WorkerError> lastError) {

  /**
   * What a worker keeps while its processes come and go.
   *
   * @param startTime when the worker, not its latest process, was created
   */
  public record Identity(int id, OptionalInt gpuId, Instant startTime) {}

  /**
   * What became of its processes.
   *
   * @param restarts processes after the first
   * @param firstFailureNanos when the recovery window opened; empty while nothing is wrong
   * @param recovery empty while nothing is wrong
   * @param lastExit how its latest process ended that did
   * @param plainFork why its process imports for itself what others share; empty if it does not
   */
  public record History(
      int restarts,
      OptionalLong firstFailureNanos,
      Optional<Recovery> recovery,
      Optional<WorkerExit> lastExit,
      Optional<String> plainFork) {}
}
