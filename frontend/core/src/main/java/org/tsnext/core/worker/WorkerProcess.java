package org.tsnext.core.worker;

import java.time.Duration;
import java.util.List;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.tracing.FollowedBatch;

/**
 * One run of one worker process. Methods may be called from any thread, never block, and do nothing
 * once it has exited.
 */
public interface WorkerProcess {

  /**
   * Sends a batch: item {@code i} is {@code items.get(i)}. The requests stay the caller's; their
   * buffers are retained for the time of the write. If this throws, nothing of the batch is sent.
   *
   * @param batchId chosen by the caller, unsigned 32 bit, not in use on this worker
   * @param timeLeftMillis per item, milliseconds to its deadline, 0 for none
   * @param followed the context of each handler, and whose times are wanted; {@link
   *     FollowedBatch#NOT_FOLLOWED} if no request is followed
   */
  void send(
      int batchId, List<InferenceRequest> items, int[] timeLeftMillis, FollowedBatch followed);

  /** Tells the worker that an item ({@code -1}: the whole batch) is no longer wanted. */
  void cancel(int batchId, int item);

  /** Whether {@link #withdraw} is answered now. From any thread, and without waiting. */
  default boolean canWithdraw() {
    return false;
  }

  /**
   * Asks for a batch that waits behind another one; {@link WorkerListener#withdrawal} answers, if
   * the batch does not end first.
   */
  default void withdraw(int batchId) {}

  /** Asks an idle worker for a sign of life; {@link WorkerListener#pong} answers. */
  void ping(int token);

  /**
   * Ends the process politely: closes the connection, and kills it if it is not gone after {@code
   * grace}.
   */
  void stop(Duration grace);

  /** Ends the process at once, with its process group. */
  void kill();
}
