package org.tsnext.core;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.MetricsRecorder;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.WorkerLauncher;

/**
 * The core, put together: the two doors, and the way down. Collaborators stay the caller's to
 * close, after this.
 */
public final class ServingCore implements AutoCloseable {

  /**
   * What the core works with.
   *
   * @param scheduler its tasks do not block
   * @param executor for what may block for minutes, such as unpacking or installing packages; a
   *     pool that grows as needed. Supervision runs there, too, in short steps
   */
  public record Collaborators(
      ModelSource source,
      WorkerLauncher launcher,
      ModelEnvironment environment,
      MetricsRecorder metrics,
      Clock clock,
      Scheduler scheduler,
      Executor executor,
      ServingSettings settings) {

    public Collaborators {
      Objects.requireNonNull(source, "source");
      Objects.requireNonNull(launcher, "launcher");
      Objects.requireNonNull(environment, "environment");
      Objects.requireNonNull(metrics, "metrics");
      Objects.requireNonNull(clock, "clock");
      Objects.requireNonNull(scheduler, "scheduler");
      Objects.requireNonNull(executor, "executor");
      Objects.requireNonNull(settings, "settings");
    }
  }

  public ServingCore(Collaborators collaborators) {
    Objects.requireNonNull(collaborators, "collaborators");
  }

  /** The door for inference. */
  public InferenceService inference() {
    throw new UnsupportedOperationException();
  }

  /** The door for management. */
  public ModelService models() {
    throw new UnsupportedOperationException();
  }

  /**
   * Goes down in order: new requests get {@code SHUTTING_DOWN}, those that wait or run may end
   * within {@code limit}, the rest is answered once, and every worker is stopped. Later calls get
   * the first call's future.
   *
   * @return completes when no worker process is left, never exceptionally
   */
  public CompletableFuture<Void> drain(Duration limit) {
    throw new UnsupportedOperationException();
  }

  /** {@link #drain} with no time given; returns once the workers are gone, or after 10 s. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
