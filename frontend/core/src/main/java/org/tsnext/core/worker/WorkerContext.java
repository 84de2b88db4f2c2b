package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Objects;
import java.util.function.Consumer;
import org.tsnext.core.metrics.VersionMetrics;

/**
 * What the workers of one model version are kept with.
 *
 * @param events puts an event into the supervisor's queue, from any thread
 */
record WorkerContext(
    WorkerPlan plan,
    WorkSource work,
    VersionMetrics metrics,
    SupervisorContext supervisorContext,
    Consumer<Runnable> events) {

  WorkerContext {
    Objects.requireNonNull(plan, "plan");
    Objects.requireNonNull(work, "work");
    Objects.requireNonNull(metrics, "metrics");
    Objects.requireNonNull(supervisorContext, "tools");
    Objects.requireNonNull(events, "events");
  }

  /** An event to handle, after which the supervisor looks around. From any thread. */
  void put(Runnable event) {
    events.accept(event);
  }

  /** From any thread. */
  long nanoTime() {
    return supervisorContext.clock().nanoTime();
  }

  /** From any thread. */
  Instant wallClock() {
    return supervisorContext.clock().now();
  }
}
