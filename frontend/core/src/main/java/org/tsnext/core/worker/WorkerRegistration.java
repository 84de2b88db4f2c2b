package org.tsnext.core.worker;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.tracing.WorkerAttempt;
import org.tsnext.core.worker.WorkerListener.HandlerError;

/**
 * The place of one loaded worker process at its {@link WorkSource}. What the process says of its
 * batches is passed in here, in order, by the thread that hears it; the other methods may be called
 * from any thread. Buffers passed in become the registration's to release.
 */
public interface WorkerRegistration {

  /** Lets work come; called once, and not after {@link #lost}. */
  void begin();

  /** See {@link WorkerListener#response}. */
  void response(int batchId, int item, ResponseHead head, ByteBuf body);

  /** See {@link WorkerListener#chunk}. */
  void chunk(int batchId, int item, ResponseHead head, ByteBuf body);

  /** See {@link WorkerListener#notSent}. */
  void notSent(int batchId, ServingException why);

  /** See {@link WorkerListener#error}. */
  void error(int batchId, int item, HandlerError error);

  /** See {@link WorkerListener#withdrawal}. */
  default void withdrawal(int batchId, boolean given) {}

  /** See {@link WorkerListener#handled}. */
  default void handled(int batchId, int item, WorkerAttempt.HandlerTime time) {}

  /**
   * Gives the worker no more work; {@code whenIdle} runs once it has none left, perhaps at once.
   */
  void drain(Runnable whenIdle);

  /**
   * The process is lost or is about to be killed. Its unanswered requests go to other workers or
   * are answered. Does nothing the second time.
   */
  void lost();

  /**
   * The process ends by itself and has begun none of its open batches: as {@link #lost}, but they
   * do not count as tried, except where batches run side by side.
   */
  void unusable();

  /** Since when the worker has had nothing to do, in nanoseconds of the clock; empty if it has. */
  OptionalLong idleSince();

  /** Whether it has answered anything. */
  boolean served();

  /** Batches it has now. */
  int inFlight();

  /** Batches it may have at once now. */
  int window();

  /** Learns of faults, outside every lock, on any thread. */
  interface Observer {

    /**
     * No word on a running batch within the response timeout; the registration has been given up.
     */
    void silent(Duration responseTimeout);

    /**
     * The handler failed; the worker lives on.
     *
     * @param requests what it failed on, held by the caller until this returns; without those whose
     *     clients had gone
     */
    void handlerFailed(int batchId, HandlerError error, List<InferenceRequest> requests);

    /**
     * Calls {@code told} once, at once or later and on any thread: with how the process ended, in
     * words, when that is known, or without after a moment.
     */
    default void onceEnded(Consumer<Optional<String>> told) {
      told.accept(Optional.empty());
    }

    /** The handler answered a request with a status of 500 or more; held until this returns. */
    void onErrorResponse(int batchId, int status, InferenceRequest request);
  }
}
