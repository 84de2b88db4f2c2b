package org.tsnext.core.model;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.core.worker.WorkerError;

/**
 * A version whose Python packages are being installed, or could not be: what can be told of it
 * before it is registered. Thread-safe.
 */
final class Preparation {

  private static final int LINES_KEPT = 10;

  private final VersionSpec spec;
  private final Deque<String> lines = new ArrayDeque<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private Thread runner;
  private boolean cancelled;
  private boolean finished;
  private Optional<WorkerError> failure = Optional.empty();

  Preparation(VersionSpec spec) {
    this.spec = Objects.requireNonNull(spec, "spec");
  }

  VersionSpec spec() {
    return spec;
  }

  /**
   * Runs {@code work} on this thread, with a consumer of its lines.
   *
   * @param onLine takes each line as well
   * @throws ServingException what {@code work} throws, or that it was cancelled
   */
  Prepared run(Function<Consumer<String>, Prepared> work, Runnable onLine) {
    begin();
    try {
      return work.apply(
          line -> {
            add(line);
            onLine.run();
          });
    } catch (ServingException e) {
      throw isCancelled() ? goneAway() : e;
    } finally {
      leave();
    }
  }

  /**
   * Ends the registration, and interrupts the work, unless it has failed or finished.
   *
   * @return whether it does; {@link #ended} tells when all of it is gone
   */
  synchronized boolean cancel() {
    if (finished || hasFailed()) {
      return false;
    }
    cancelled = true;
    if (runner != null) {
      runner.interrupt();
    }
    return true;
  }

  /**
   * The work is done; from now on it cannot be cancelled.
   *
   * @throws ServingException CONFLICT if it was cancelled before
   */
  synchronized void finish() {
    if (cancelled) {
      throw goneAway();
    }
    finished = true;
  }

  synchronized boolean hasFailed() {
    return failure.isPresent();
  }

  synchronized boolean isCancelled() {
    return cancelled;
  }

  synchronized void fail(WorkerError error) {
    failure = Optional.of(error);
  }

  /** Completes when the registration has ended, well or not. */
  CompletableFuture<Void> ended() {
    return ended;
  }

  synchronized ModelDescription describe() {
    String last = String.join("\n", lines);
    Diagnosis diagnosis =
        failure.isPresent()
            ? new Diagnosis(Diagnosis.State.FAILED, 0, failure.get().message(), Optional.empty())
            : new Diagnosis(
                Diagnosis.State.INSTALLING,
                0,
                "Its packages are being installed: " + last,
                Optional.empty());
    VersionSettings settings = spec.settings();
    Batching batching = settings.batching();
    return spec.describe(
        false,
        batching.adaptiveDelay()
            ? settings.batching(batching.withMaxDelay(Duration.ZERO))
            : settings,
        new ModelDescription.Condition(List.of(), 0, diagnosis, failure, failure));
  }

  private synchronized void begin() {
    runner = Thread.currentThread();
  }

  /** An interrupt that was meant for this work must not meet the next one of the thread. */
  private synchronized void leave() {
    runner = null;
    if (cancelled) {
      Thread.interrupted();
    }
  }

  private synchronized void add(String line) {
    if (lines.size() == LINES_KEPT) {
      lines.removeFirst();
    }
    lines.addLast(line);
  }

  private ServingException goneAway() {
    return new ServingException(
        ErrorKind.CONFLICT,
        "Installing the packages of model "
            + spec.name()
            + " version "
            + spec.version()
            + " was cancelled.");
  }
}
