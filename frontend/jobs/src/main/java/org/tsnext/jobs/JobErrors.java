package org.tsnext.jobs;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** What clients are told about jobs that are not there, or cannot be. */
final class JobErrors {

  private static final Logger LOGGER = LoggerFactory.getLogger(JobErrors.class);

  /** Of an id in a message; a whole one has 32. */
  private static final int MAX_SHOWN = 40;

  private JobErrors() {}

  static ServingException notFound(String id) {
    String shown = id.length() <= MAX_SHOWN ? id : id.substring(0, MAX_SHOWN) + "...";
    return new ServingException(ErrorKind.JOB_NOT_FOUND, "Job not found: " + shown)
        .withDetail("It never was, was deleted, or has expired (job_lifetime).");
  }

  static ServingException notEnded(String id) {
    return new ServingException(ErrorKind.CONFLICT, "Job " + id + " has not ended.");
  }

  static ServingException cancelled(String id) {
    return new ServingException(
        ErrorKind.JOB_CANCELLED, "Job " + id + " was cancelled and has no result.");
  }

  static ServingException unreadable(String id, Throwable cause) {
    return new ServingException(
        ErrorKind.JOB_LOST, "The result of job " + id + " cannot be read.", cause);
  }

  /** The server ended while it ran. */
  static ServingException lost(String detail) {
    return new ServingException(
            ErrorKind.JOB_LOST, "The job was lost when the server ended, and is not run again.")
        .withDetail(detail);
  }

  static ServingException notStored(Throwable cause) {
    LOGGER.warn("A job is refused, since its request cannot be written: {}", cause.toString());
    return new ServingException(
            ErrorKind.JOB_STORE_FULL, "The job cannot be stored, and does not run.", cause)
        .withDetail("The server could not write to its job_store; its log has the cause.");
  }

  static ServingException shuttingDown() {
    return new ServingException(
        ErrorKind.SHUTTING_DOWN, "The server is shutting down and takes no new jobs.");
  }
}
