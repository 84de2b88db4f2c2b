package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A worker as it is at one moment, for descriptions and health.
 *
 * @param startTime when the worker, not its latest process, was created
 * @param restarts processes after the first
 * @param firstFailureNanos when the recovery window opened; empty while nothing is wrong
 * @param inFlight batches it has
 * @param window batches it may have at once
 * @param recovery empty while nothing is wrong
 * @param lastExit how its latest process ended that did
 */
public record WorkerView(
    int id,
    WorkerState state,
    Instant startTime,
    Instant stateSince,
    OptionalLong pid,
    OptionalInt gpuId,
    int restarts,
    OptionalLong firstFailureNanos,
    int inFlight,
    int window,
    Optional<Recovery> recovery,
    Optional<WorkerExit> lastExit,
    Optional<WorkerError> lastError) {}
