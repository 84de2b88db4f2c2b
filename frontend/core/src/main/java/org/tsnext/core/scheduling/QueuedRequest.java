package org.tsnext.core.scheduling;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;

/**
 * A request as the scheduler sees it. Its state belongs to the scheduler that it was given to,
 * until it ends: as an effect it has room for its one end.
 */
public class QueuedRequest extends Effect {

  /** How a request ends, with what goes to its client. */
  enum End {
    /** A plain response: its body. */
    COMPLETE,
    /** The last part of a stream: its body. */
    END_STREAM,
    /** The {@link ServingException}. */
    FAIL,
    /** The {@link ServingException}, unless another version takes it. */
    REJECT,
    /** Nothing. */
    SILENT
  }

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

  /** Neighbours among all that live, and whether it is one of them. */
  QueuedRequest newer;

  QueuedRequest older;
  boolean live;

  /** Its one end, once decided; null before. */
  private End end;

  private ResponseHead head;
  private Object content;

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

  /** Whether its one end was decided. */
  final boolean hasEnded() {
    return end != null;
  }

  /** Decides its one end. */
  final void decide(End how, ResponseHead itsHead, Object itsContent) {
    if (end != null) {
      throw new IllegalStateException("A request was to end twice.");
    }
    end = how;
    head = itsHead;
    content = itsContent;
  }

  @Override
  final void apply(Effects.Target target) {
    ResponseHead itsHead = head;
    Object itsContent = content;
    // The client may keep the request for long.
    head = null;
    content = null;
    switch (end) {
      case COMPLETE -> target.complete(this, itsHead, itsContent);
      case END_STREAM -> target.endStream(this, itsHead, itsContent);
      case FAIL -> target.fail(this, (ServingException) itsContent);
      case REJECT -> target.reject(this, (ServingException) itsContent);
      case SILENT -> target.endSilently(this);
    }
  }
}
