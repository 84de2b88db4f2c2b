package org.tsnext.core.inference;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;

/**
 * The requests of one model version that wait for a worker, and the rule by which they become
 * batches. Guarded by the dispatcher's lock, but for {@link #prepare}.
 */
interface Backlog {

  /** The request as it is to be kept, with the same buffers. Called off the lock. */
  default InferenceRequest prepare(InferenceRequest request) {
    return request;
  }

  /** Requests that wait. */
  int size();

  /** Why a request finds no place now, or empty. */
  Optional<ServingException> refusal(Call call);

  /** Takes a new request that has not been refused. */
  void add(Call call);

  /** Takes a request back whose worker was lost, in front of those of its kind. */
  void putBack(Call call);

  /** Removes a request; does nothing if it does not wait here. */
  void remove(Call call);

  /** Removes and returns everything, because nobody will serve it. */
  List<Call> takeAll();

  /**
   * Gives batches to seats until there are no more of the one or the other.
   *
   * @return when to call again if nothing happens before
   */
  OptionalLong handOut(Seat[] seats, long now);

  /**
   * A worker has sent a part of the answer to a request, which is not yet settled.
   *
   * @return whether that ended others
   */
  default boolean heard(Call call, ResponseHead head) {
    return false;
  }

  /** A worker has answered a request, or will never. */
  default void settled(Call call) {}

  /** A batch was answered, {@code serviceNanos} after its worker could begin with it. */
  default void served(long serviceNanos) {}

  /** A seat takes no more work. */
  default void retired(Seat seat) {}

  /** Of all seats with room, the one whose worker will be free first; or null. */
  static Seat freest(Seat[] seats) {
    Seat best = null;
    for (Seat seat : seats) {
      if (seat.hasRoom() && (best == null || seat.isFreeBefore(best))) {
        best = seat;
      }
    }
    return best;
  }
}
