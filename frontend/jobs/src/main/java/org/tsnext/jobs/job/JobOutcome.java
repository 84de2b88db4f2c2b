package org.tsnext.jobs.job;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * How a job ended.
 *
 * @param started when a worker was first given it; empty if none was
 * @param expires when it is removed
 * @param head of the response; empty if there is none
 * @param error empty unless the request failed
 * @param bytes of the response's body
 */
public record JobOutcome(
    JobStatus status,
    Optional<Instant> started,
    Instant ended,
    Instant expires,
    Optional<ResponseHead> head,
    Optional<ServingException> error,
    long bytes) {

  public JobOutcome {
    Objects.requireNonNull(status, "status");
    Objects.requireNonNull(started, "started");
    Objects.requireNonNull(ended, "ended");
    Objects.requireNonNull(expires, "expires");
    Objects.requireNonNull(head, "head");
    Objects.requireNonNull(error, "error");
  }
}
