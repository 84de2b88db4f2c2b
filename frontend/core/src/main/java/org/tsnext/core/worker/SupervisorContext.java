package org.tsnext.core.worker;

import java.util.Objects;
import java.util.concurrent.Executor;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;

/**
 * What supervisors of all models share.
 *
 * @param executor runs their events, which are short
 * @param ids public ids of workers
 */
public record SupervisorContext(
    WorkerStarter starter,
    ServerMetrics metrics,
    Clock clock,
    Scheduler scheduler,
    Executor executor,
    WorkerIds ids) {

  public SupervisorContext {
    Objects.requireNonNull(starter, "launcher");
    Objects.requireNonNull(metrics, "metrics");
    Objects.requireNonNull(clock, "clock");
    Objects.requireNonNull(scheduler, "scheduler");
    Objects.requireNonNull(executor, "executor");
    Objects.requireNonNull(ids, "ids");
  }
}
