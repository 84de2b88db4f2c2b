package org.tsnext.core.inference;

import java.util.Optional;
import org.tsnext.core.metrics.Outcome;
import org.tsnext.core.metrics.Stage;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.scheduling.Batch;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.FollowedBatch;

/**
 * Notes what becomes of the requests of a version: in its metrics, and in the timelines of those
 * that are followed. Belongs to the thread that has the turn.
 */
final class RequestRecorder {

  private static final String NOT_COUNTED = "The end of a request could not be counted";

  private final Clock clock;
  private final VersionMetrics metrics;

  RequestRecorder(Clock clock, VersionMetrics metrics) {
    this.clock = clock;
    this.metrics = metrics;
  }

  /**
   * A batch is about to be sent.
   *
   * @return what is followed of it
   */
  FollowedBatch sending(Batch batch, long now) {
    DispatchedWorker worker = (DispatchedWorker) batch.worker();
    FollowedBatch followed = FollowedBatch.NOT_FOLLOWED;
    for (int i = 0; i < batch.size(); i++) {
      PendingRequest request = (PendingRequest) batch.request(i);
      if (request.worker == null) {
        metrics.dequeued(
            request.request(), now - request.arrivalNanos(), request.sampledTrace(), clock);
      }
      if (request.isFollowed()) {
        if (request.worker != null && request.worker.isLost()) {
          request.noteEnd(request.worker.lostNanos(), true);
        } else {
          request.noteWithdrawn();
        }
        if (followed == FollowedBatch.NOT_FOLLOWED) {
          followed = worker.followed(batch, now);
        }
        request.noteSent(followed, i);
      }
      request.worker = worker;
      request.batchId = batch.id();
    }
    return followed;
  }

  /** A batch was sent. */
  void sent(Batch batch) {
    metrics.sent(batch.size(), clock.nanoTime() - batch.assignedNanos());
  }

  /** A batch is done; see {@link VersionMetrics#served}. */
  void served(long nanos, long heldNanos) {
    metrics.served(nanos, heldNanos);
  }

  /** Before the client learns of the end: it may read the metrics next. Never throws. */
  void ended(PendingRequest request, Outcome outcome) {
    try {
      long now = clock.nanoTime();
      // A response that came counts, whatever became of its worker since.
      if (outcome != Outcome.SUCCESS && request.worker != null && request.worker.isLost()) {
        request.noteEnd(request.worker.lostNanos(), true);
      } else {
        request.noteEnd(now, false);
      }
      Optional<String> trace = request.sampledTrace();
      metrics.ended(request.request(), outcome, now - request.arrivalNanos(), trace, clock);
      if (outcome == Outcome.CANCELLED) {
        metrics.cancelled(request.request(), stage(request));
      }
    } catch (Throwable e) {
      EffectRunner.report(NOT_COUNTED, e);
    }
  }

  /** A request has ended because it has passed its deadline. Never throws. */
  void expired(PendingRequest request) {
    try {
      metrics.expired(request.request(), stage(request));
    } catch (Throwable e) {
      EffectRunner.report(NOT_COUNTED, e);
    }
  }

  private static Stage stage(PendingRequest request) {
    return request.worker == null ? Stage.QUEUE : Stage.WORKER;
  }
}
