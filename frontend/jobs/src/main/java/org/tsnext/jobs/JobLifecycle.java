package org.tsnext.jobs;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.jobs.folder.JobFolder;
import org.tsnext.jobs.job.JobStatus;

/**
 * What a start and a stop of the server do about jobs. A job that was not given to a worker before
 * the server ended is run; one that was is run once more; one that was given to one twice is lost.
 */
public final class JobLifecycle {

  private static final Logger LOGGER = LoggerFactory.getLogger(JobLifecycle.class);

  /** Runs of a job that may begin, since the first one may have brought the server down. */
  private static final int MAX_ATTEMPTS = 2;

  /** Until a request of a job that was stored is submitted again, where its queue was full. */
  private static final Duration RETRY_PAUSE = Duration.ofSeconds(1);

  /** As that, where what it asks is not there: a client may still have to register it. */
  private static final Duration ABSENT_PAUSE = Duration.ofSeconds(10);

  private final Jobs jobs;
  private final ServingCore.Execution execution;
  private final Optional<JobFolder> folder;
  private volatile boolean stopping;
  private volatile long stopNanos;

  public JobLifecycle(Jobs jobs, ServingCore.Execution execution, Optional<JobFolder> folder) {
    this.jobs = jobs;
    this.execution = execution;
    this.folder = folder;
  }

  /**
   * Takes in what the folder holds, before clients ask for it. Blocks.
   *
   * @throws IOException if the folder cannot be read
   */
  public void load() throws IOException {
    if (folder.isEmpty()) {
      return;
    }
    for (JobFolder.StoredJob stored : folder.get().scan(execution.clock().now())) {
      jobs.restore(stored.ticket(), stored.attempts(), stored.outcome());
    }
    if (!jobs.all().isEmpty()) {
      LOGGER.info(
          "Jobs of {}: {} have ended, {} have not.",
          folder.get(),
          jobs.all().size() - jobs.count(JobStatus.QUEUED),
          jobs.count(JobStatus.QUEUED));
    }
  }

  /** Runs the jobs that had not ended, once models are there that they may ask for. */
  public void recover() {
    if (folder.isEmpty()) {
      return;
    }
    Instant end = execution.clock().now().plus(jobs.lifetime());
    jobs.all().stream()
        .filter(job -> job.outcome().isEmpty())
        .sorted(Comparator.comparing((Job job) -> job.ticket().created()))
        .forEach(job -> recover(job, folder.get(), end));
  }

  private void recover(Job job, JobFolder files, Instant end) {
    if (job.attempts() >= MAX_ATTEMPTS) {
      jobs.fail(job, JobErrors.lost("It was running on " + job.attempts() + " such occasions."));
      return;
    }
    job.disk().execute(() -> submit(job, files, end));
  }

  /**
   * Submits the request of a job.
   *
   * @param end until which it waits for what it asks
   */
  private void submit(Job job, JobFolder files, Instant end) {
    if (stopping || job.isDecided() || job.isRemoved()) {
      return;
    }
    InferenceRequest request;
    try {
      request = files.readRequest(job.ticket());
    } catch (IOException | RuntimeException e) {
      LOGGER.error("The request of job {} cannot be read", job.id(), e);
      jobs.fail(job, JobErrors.lost("Its stored request cannot be read."));
      return;
    }
    Optional<ServingException> refusal = jobs.run(job, request);
    // Of a server that stops, the next start has the job.
    if (refusal.isEmpty() || stopping) {
      return;
    }
    Optional<Duration> pause = pause(refusal.get().kind(), end);
    if (pause.isPresent()) {
      execution
          .scheduler()
          .schedule(pause.get(), () -> job.disk().execute(() -> submit(job, files, end)));
    } else {
      jobs.fail(job, refusal.get());
    }
  }

  /** Until it is submitted again after an error; empty if that is its end. */
  private Optional<Duration> pause(ErrorKind kind, Instant end) {
    return switch (kind) {
      // Those that ran are back in the queue as well, so that it may be too short for all.
      case QUEUE_FULL -> Optional.of(RETRY_PAUSE);
      // Workflows are in no snapshot, and models only in one that is restored.
      case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, WORKFLOW_NOT_FOUND ->
          execution.clock().now().isBefore(end) ? Optional.of(ABSENT_PAUSE) : Optional.empty();
      default -> Optional.empty();
    };
  }

  /** Accepts no new jobs, and ends all waits, so that they do not hold up the stop. */
  public void stopAccepting() {
    stopNanos = execution.clock().nanoTime();
    stopping = true;
    jobs.stopAccepting();
  }

  /**
   * Waits for the jobs that run, and without a folder for those that wait as well.
   *
   * @param limit counted from {@link #stopAccepting}
   */
  public void drain(Duration limit) throws InterruptedException {
    CompletableFuture<?>[] running =
        jobs.all().stream()
            .filter(job -> job.outcome().isEmpty())
            .filter(job -> folder.isEmpty() || job.status() == JobStatus.RUNNING)
            .map(Job::over)
            .toArray(CompletableFuture<?>[]::new);
    long left = limit.toNanos() - (execution.clock().nanoTime() - stopNanos);
    try {
      CompletableFuture.allOf(running).get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOGGER.warn(
          "Jobs still run when the server stops; {}",
          folder.isPresent() ? "its next start has them." : "without a job_store they are lost.");
    }
    jobs.drained();
  }

  /** Releases what is held, once nothing writes files any more. */
  public void close() throws IOException {
    jobs.all().forEach(job -> job.takeBody().ifPresent(ByteBuf::release));
    if (folder.isPresent()) {
      folder.get().close();
    }
  }
}
