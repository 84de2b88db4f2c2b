package org.tsnext.core.inference;

import java.util.Optional;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.scheduling.Deadline;

/**
 * A request that is not followed, and what the core still does for following. For the benchmark.
 */
public final class UnfollowedRequest {

  private final InferenceRequest request;
  private final PendingRequest pending;

  public UnfollowedRequest(InferenceRequest request, ResponseSink sink) {
    this.request = request;
    this.pending = new PendingRequest(null, request, "", sink, 0, Deadline.NEVER);
  }

  /**
   * Does what {@link PendingRequest} and {@link RequestRecorder} do for following, from the arrival
   * of a request to its end.
   *
   * @return whether it is followed, which it is not
   */
  public boolean pass() {
    Optional<String> whenSent = pending.sampledTrace();
    boolean followed = pending.isFollowed();
    pending.noteEnd(0, false);
    Optional<String> atTheEnd = pending.sampledTrace();
    return request.origin().timeline().isPresent()
        || whenSent.isPresent()
        || followed
        || atTheEnd.isPresent();
  }
}
