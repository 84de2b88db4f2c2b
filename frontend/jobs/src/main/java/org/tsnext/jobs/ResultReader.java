package org.tsnext.jobs;

import io.netty.buffer.ByteBuf;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.jobs.folder.JobFolder;
import org.tsnext.jobs.job.JobOutcome;

/** Reads the responses of jobs, from memory or from disk. Thread-safe. */
final class ResultReader {

  private static final Logger LOGGER = LoggerFactory.getLogger(ResultReader.class);

  private final Optional<JobFolder> folder;

  ResultReader(Optional<JobFolder> folder) {
    this.folder = folder;
  }

  /**
   * The response of a job.
   *
   * @throws ServingException if it has none; the error of the job, if that is why
   */
  CompletableFuture<JobResult> read(Job job) {
    JobOutcome outcome = job.outcome().orElseThrow(() -> JobErrors.notEnded(job.id()));
    if (outcome.error().isPresent()) {
      throw outcome.error().get();
    }
    ResponseHead head = outcome.head().orElseThrow(() -> JobErrors.cancelled(job.id()));
    Optional<ByteBuf> body = job.body();
    if (body.isPresent()) {
      return CompletableFuture.completedFuture(new JobResult(head, body.get()));
    }
    JobFolder files = folder.orElseThrow(() -> JobErrors.notFound(job.id()));
    CompletableFuture<JobResult> result = new CompletableFuture<>();
    job.disk().execute(() -> read(job, head, files, result));
    return result;
  }

  private static void read(
      Job job, ResponseHead head, JobFolder files, CompletableFuture<JobResult> result) {
    if (job.isRemoved()) {
      result.completeExceptionally(JobErrors.notFound(job.id()));
      return;
    }
    try {
      result.complete(new JobResult(head, files.readBody(job.id())));
    } catch (Throwable e) {
      LOGGER.error("The result of job {} cannot be read", job.id(), e);
      result.completeExceptionally(JobErrors.unreadable(job.id(), e));
    }
  }
}
