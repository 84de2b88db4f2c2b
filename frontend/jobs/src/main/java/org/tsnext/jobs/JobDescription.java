package org.tsnext.jobs;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.jobs.job.JobTicket;

/**
 * A job as clients see it.
 *
 * @param started when a worker was first given it
 * @param outcome empty until it has ended
 */
public record JobDescription(
    JobTicket ticket, JobStatus status, Optional<Instant> started, Optional<JobOutcome> outcome) {

  public JobDescription {
    Objects.requireNonNull(ticket, "ticket");
    Objects.requireNonNull(status, "status");
    Objects.requireNonNull(started, "started");
    Objects.requireNonNull(outcome, "outcome");
  }
}
