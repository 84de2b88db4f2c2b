package org.tsnext.jobs;

import java.util.concurrent.CompletableFuture;

/** A client that waits for the end of a job; each is one of its own. */
final class JobWait {

  private final CompletableFuture<JobDescription> described = new CompletableFuture<>();

  /** Completes with the job once it has ended, or as it is when the wait ends. */
  CompletableFuture<JobDescription> described() {
    return described;
  }

  void end(JobDescription job) {
    described.complete(job);
  }
}
