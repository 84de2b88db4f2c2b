package org.tsnext.jobs;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.jobs.job.JobTarget;

/**
 * The one door for jobs. Nothing here blocks; futures fail with a {@link
 * org.tsnext.core.error.ServingException}, and methods throw it.
 */
public interface JobService {

  /**
   * Begins a job.
   *
   * @param request taken over, also if this throws
   * @throws org.tsnext.core.error.ServingException TOO_MANY_JOBS, JOB_STORE_FULL, SHUTTING_DOWN
   */
  Accepted submit(InferenceRequest request, JobTarget target);

  /**
   * A job that has begun.
   *
   * @param stored completes when the job is kept and its request was accepted; fails, and there is
   *     no job, if one of both cannot be
   */
  record Accepted(String id, CompletableFuture<JobDescription> stored) {}

  /** Describes a job. */
  JobDescription describe(String id);

  /**
   * Describes a job once it has ended, or as it is after {@code limit}. Completing the future ends
   * the wait.
   */
  CompletableFuture<JobDescription> await(String id, Duration limit);

  /** The response of a job that has ended; fails with the error of one that has none. */
  CompletableFuture<JobResult> result(String id);

  /**
   * Cancels a job that has not ended, which then is kept as a cancelled one; removes one that has.
   *
   * @return the cancelled job, or empty if it was removed
   */
  Optional<JobDescription> delete(String id);

  /** Cancels and removes a job that nobody knows of, if it is there. */
  void abandon(String id);
}
