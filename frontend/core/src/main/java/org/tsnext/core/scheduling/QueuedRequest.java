package org.tsnext.core.scheduling;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.request.RequestKind;

/** A request as the scheduler sees it. Its state belongs to the scheduler that it was given to. */
public class QueuedRequest {

  private final RequestKind kind;
  private final Optional<String> version;
  private final String sequenceId;
  private final long arrivalNanos;
  private final Deadline deadline;

  /** Neighbours in the queue, and whether it is there. */
  QueuedRequest previous;

  QueuedRequest next;
  boolean queued;

  /** Where it runs, or null. */
  Batch batch;

  int item;

  /** The sequence it belongs to, or null. */
  Sequence sequence;

  /** Workers that were lost while they ran it. */
  int lostWorkers;

  /** Whether a chunk was delivered: then it cannot be run again. */
  boolean streaming;

  /** Whether its one end was decided. */
  boolean ended;

  /** Its place among the deadlines, or -1. */
  int deadlineIndex = -1;

  /**
   * Makes a request that no scheduler knows yet.
   *
   * @param version empty if the client named none
   * @param sequenceId empty if it belongs to no sequence
   * @param arrivalNanos when it came, by the clock of the events
   */
  public QueuedRequest(
      RequestKind kind,
      Optional<String> version,
      String sequenceId,
      long arrivalNanos,
      Deadline deadline) {
    this.kind = Objects.requireNonNull(kind, "kind");
    this.version = Objects.requireNonNull(version, "version");
    this.sequenceId = Objects.requireNonNull(sequenceId, "sequenceId");
    this.arrivalNanos = arrivalNanos;
    this.deadline = Objects.requireNonNull(deadline, "deadline");
  }

  public final RequestKind kind() {
    return kind;
  }

  /** The version that the client named. */
  public final Optional<String> version() {
    return version;
  }

  /** Empty if it belongs to no sequence. */
  public final String sequenceId() {
    return sequenceId;
  }

  public final long arrivalNanos() {
    return arrivalNanos;
  }

  public final Deadline deadline() {
    return deadline;
  }
}
