package org.tsnext.jobs;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Counts jobs and their bytes within the limits. Thread-safe. */
final class JobRoom {

  private final JobLimits limits;
  private final AtomicInteger jobs = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();

  JobRoom(JobLimits limits) {
    this.limits = limits;
  }

  /**
   * Takes the place of a job and the room of its request.
   *
   * @throws ServingException TOO_MANY_JOBS or JOB_STORE_FULL; then nothing is taken
   */
  void enter(long requestBytes) {
    if (jobs.incrementAndGet() > limits.count()) {
      jobs.decrementAndGet();
      throw new ServingException(
              ErrorKind.TOO_MANY_JOBS,
              "There are "
                  + limits.count()
                  + " jobs, as many as job_max_count allows. Fetch and delete those that have ended.")
          .withDetail(
              "A job that has ended is removed after "
                  + limits.lifetime().toSeconds()
                  + " s (job_lifetime).");
    }
    if (!take(requestBytes)) {
      jobs.decrementAndGet();
      throw full("The request", requestBytes);
    }
  }

  /** As {@link #enter} for a job that was accepted before: the limits do not hold for it. */
  void enterAgain(long size) {
    jobs.incrementAndGet();
    bytes.addAndGet(size);
  }

  /** Gives the place of a job back, whose bytes were given back. */
  void leave() {
    jobs.decrementAndGet();
  }

  /**
   * Takes room.
   *
   * @return false if there is none; then nothing is taken
   */
  boolean take(long size) {
    return take(size, 0);
  }

  /**
   * As {@link #take(long)}, where other bytes are given back next.
   *
   * @param leaving how many
   */
  boolean take(long size, long leaving) {
    if (bytes.addAndGet(size) - leaving <= limits.bytes()) {
      return true;
    }
    bytes.addAndGet(-size);
    return false;
  }

  void give(long size) {
    bytes.addAndGet(-size);
  }

  /** Bytes that are held now. */
  long held() {
    return bytes.get();
  }

  /**
   * The error of what finds no room.
   *
   * @param what begins the sentence
   */
  ServingException full(String what, long size) {
    return new ServingException(
        ErrorKind.JOB_STORE_FULL,
        "%s has %d bytes, for which there is no room: jobs hold %d of %d bytes (job_max_bytes)."
            .formatted(what, size, Math.min(bytes.get(), limits.bytes()), limits.bytes()));
  }
}
