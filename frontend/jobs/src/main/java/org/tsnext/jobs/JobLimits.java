package org.tsnext.jobs;

import java.time.Duration;
import java.util.Objects;

/**
 * How much jobs may take.
 *
 * @param count of jobs, those that have ended included
 * @param bytes of all requests that have not ended, and of all responses
 * @param lifetime of a job that has ended
 */
public record JobLimits(int count, long bytes, Duration lifetime) {

  public JobLimits {
    Objects.requireNonNull(lifetime, "lifetime");
  }
}
