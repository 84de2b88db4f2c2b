package org.tsnext.jobs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.time.Scheduler.Scheduled;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.jobs.job.JobTicket;

/**
 * The state of one job. It is decided once how it ends; clients see that when it is stored. Its
 * files are written and read one after the other, by {@link #disk}. Thread-safe.
 */
final class Job {

  private final JobTicket ticket;
  private final SerialQueue disk;
  private final CompletableFuture<Void> over = new CompletableFuture<>();

  @GuardedBy("this")
  private Optional<JobRun> run = Optional.empty();

  /** Runs that have begun, before this server's start too. */
  @GuardedBy("this")
  private int attempts;

  @GuardedBy("this")
  private Optional<Instant> started = Optional.empty();

  @GuardedBy("this")
  private boolean decided;

  @GuardedBy("this")
  private boolean removed;

  @GuardedBy("this")
  private Optional<JobOutcome> outcome = Optional.empty();

  /** Empty while there is none, and where it is on disk. */
  @GuardedBy("this")
  private Optional<ByteBuf> body = Optional.empty();

  @GuardedBy("this")
  private Optional<Scheduled> expiry = Optional.empty();

  @GuardedBy("this")
  private final Set<JobWait> waiting = new HashSet<>();

  /**
   * @param attempts runs that began before
   */
  Job(JobTicket ticket, SerialQueue disk, int attempts) {
    this.ticket = ticket;
    this.disk = disk;
    this.attempts = attempts;
  }

  JobTicket ticket() {
    return ticket;
  }

  String id() {
    return ticket.id();
  }

  /** Where its files are written and read, in order. */
  SerialQueue disk() {
    return disk;
  }

  /** Completes when it has ended and is stored, or was removed. */
  CompletableFuture<Void> over() {
    return over;
  }

  synchronized JobDescription describe() {
    return new JobDescription(ticket, status(), started, outcome);
  }

  synchronized JobStatus status() {
    if (outcome.isPresent()) {
      return outcome.get().status();
    }
    return started.isPresent() ? JobStatus.RUNNING : JobStatus.QUEUED;
  }

  synchronized Optional<JobOutcome> outcome() {
    return outcome;
  }

  /** The response in memory, retained for the caller. */
  synchronized Optional<ByteBuf> body() {
    return body.map(ByteBuf::retainedDuplicate);
  }

  /** The response in memory, which is not there any more. */
  synchronized Optional<ByteBuf> takeBody() {
    Optional<ByteBuf> taken = body;
    body = Optional.empty();
    return taken;
  }

  synchronized int attempts() {
    return attempts;
  }

  /**
   * Begins a run, unless it has ended.
   *
   * @return whether it has not
   */
  synchronized boolean begin(JobRun next) {
    if (decided || removed) {
      return false;
    }
    run = Optional.of(next);
    return true;
  }

  /** A worker has it; returns the number of the attempt. */
  synchronized int dispatched(Instant now) {
    if (started.isEmpty()) {
      started = Optional.of(now);
    }
    return ++attempts;
  }

  /** Takes the decision how it ends; returns whether it was still to be taken. */
  synchronized boolean decide() {
    boolean first = !decided;
    decided = true;
    return first;
  }

  synchronized boolean isDecided() {
    return decided;
  }

  /** Ends its run without an outcome. */
  void stopRun() {
    Optional<JobRun> running;
    synchronized (this) {
      running = run;
    }
    running.ifPresent(JobRun::stop);
  }

  synchronized Optional<Instant> started() {
    return started;
  }

  /**
   * Shows the outcome to clients.
   *
   * @param response taken over; empty if it is on disk, or there is none
   * @return who waits for it, or empty if the job was removed meanwhile; then nothing is taken over
   */
  synchronized Optional<List<JobWait>> publish(JobOutcome how, Optional<ByteBuf> response) {
    if (removed) {
      return Optional.empty();
    }
    decided = true;
    run = Optional.empty();
    outcome = Optional.of(how);
    started = how.started();
    body = response;
    return Optional.of(takeWaiting());
  }

  /** Sets what is cancelled when it is removed. */
  synchronized void expiring(Scheduled task) {
    if (removed) {
      task.cancel();
    } else {
      expiry = Optional.of(task);
    }
  }

  /**
   * Waits for the end.
   *
   * @return false if it has ended
   */
  synchronized boolean await(JobWait wait) {
    return outcome.isEmpty() && !removed && waiting.add(wait);
  }

  synchronized void awaitNoMore(JobWait wait) {
    waiting.remove(wait);
  }

  /** Nobody waits any more; returns those who did. */
  synchronized List<JobWait> takeWaiting() {
    List<JobWait> all = List.copyOf(waiting);
    waiting.clear();
    return all;
  }

  synchronized boolean isRemoved() {
    return removed;
  }

  /**
   * Forgets the job.
   *
   * @return bytes of the response, whose room is to be given back
   */
  synchronized long remove() {
    removed = true;
    expiry.ifPresent(Scheduled::cancel);
    takeBody().ifPresent(ByteBuf::release);
    return outcome.map(JobOutcome::bytes).orElse(0L);
  }
}
