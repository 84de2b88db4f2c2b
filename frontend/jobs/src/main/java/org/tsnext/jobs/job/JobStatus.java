package org.tsnext.jobs.job;

import java.util.Locale;

/** Where a job is in its life. */
public enum JobStatus {
  /** It waits for a worker. */
  QUEUED,
  /** A worker has it. */
  RUNNING,
  /** The handler responded with a status below 400. */
  SUCCEEDED,
  /** There is an error, or a response with a status of 400 or more. */
  FAILED,
  /** A client cancelled it before it had ended. */
  CANCELLED;

  /** The word that clients see. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether nothing changes any more until the job is removed. */
  public boolean isEnd() {
    return this == SUCCEEDED || this == FAILED || this == CANCELLED;
  }
}
