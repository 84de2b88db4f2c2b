package org.tsnext.core.model;

import java.time.Duration;
import java.util.Optional;

/**
 * A change of the number of workers.
 *
 * @param timeout how long a worker that goes may finish what it runs; empty for the server's
 *     default
 */
public record ScaleModel(
    int minWorkers, int maxWorkers, boolean synchronous, Optional<Duration> timeout) {}
