package org.tsnext.core.worker;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.tracing.WorkerAttempt;

/**
 * What a worker process does. Calls come in order and one at a time. Implementations do not block.
 * Buffers passed in become the listener's to release.
 */
public interface WorkerListener {

  /** The process exists. */
  void started(long pid);

  /** The process is a fork that imports everything for itself; says why. Follows its start. */
  default void importsNotShared(String reason) {}

  /** The process has imported these modules for itself. Comes before it is loaded. */
  default void imported(List<String> modules) {}

  /** The worker has these processes, by rank; the first is the one that speaks. */
  default void ranks(List<Long> pids) {}

  /** The handler serves these paths of the OpenAI API. Comes before it is loaded. */
  default void openAiRoutes(Set<String> routes) {}

  /** The process dialled in and got its LOAD message. */
  void connected(String address);

  /** The model is loaded; batches may be sent. */
  void loaded(Duration took);

  /** The model could not be loaded; the process will exit. */
  void loadFailed(LoadFailure failure);

  /** The answer of an item, or its last chunk if chunks came before. */
  void response(int batchId, int item, ResponseHead head, ByteBuf body);

  /** A chunk of an item's answer; more follows. */
  void chunk(int batchId, int item, ResponseHead head, ByteBuf body);

  /**
   * A batch could not be sent: the process has nothing of it and can take the next one.
   *
   * @param why for the clients
   */
  void notSent(int batchId, ServingException why);

  /** The end of an item, or of all items still open if {@code item} is -1. */
  void error(int batchId, int item, HandlerError error);

  /**
   * The answer to {@link WorkerProcess#withdraw}; perhaps twice.
   *
   * @param given whether the process will not run the batch; else it has begun with it
   */
  default void withdrawal(int batchId, boolean given) {}

  /**
   * When the handler ran, for an item that is followed, or for all that are still open if {@code
   * item} is -1. Comes before its end, perhaps several times.
   */
  default void handled(int batchId, int item, WorkerAttempt.HandlerTime time) {}

  /**
   * The process can serve no more and will exit. It has answered what it ran, and begins nothing.
   */
  void unusable(String reason);

  /** A metric sample that the handler emitted. */
  void metric(MetricSample sample);

  /** The answer to a ping. */
  void pong(int token);

  /**
   * The connection is closed, by either side. No response follows. Not called if the worker never
   * dialled in.
   */
  void disconnected(String reason);

  /** The process is gone. Always the last call, exactly once. */
  void exited(ExitStatus status);

  /**
   * Why a model could not be loaded.
   *
   * @param code 507 out of memory, else 500
   * @param detail type and text of the Python error
   * @param traceback the Python traceback, or empty
   */
  record LoadFailure(int code, String message, String detail, String traceback) {}

  /**
   * How the handler failed. See ERROR in docs/worker-protocol.md.
   *
   * @param headers of the response, where the handler chose them
   */
  record HandlerError(
      int code, String message, String detail, String traceback, List<Header> headers) {

    public HandlerError {
      headers = List.copyOf(headers);
    }

    /**
     * Whether the handler did not run, because the request was cancelled (499) or came too late
     * (408). A handler that raises an error with one of these codes gives its type as the detail.
     */
    public boolean notRun() {
      return (code == 499 || code == 408) && detail.isEmpty();
    }
  }

  /**
   * How a process ended.
   *
   * @param code exit code, or -1 if a signal ended it
   * @param signal the signal, or 0
   * @param reason why it could not be started or was ended by us, or empty
   */
  record ExitStatus(int code, int signal, String reason) {
    /** Killed by SIGKILL, as the kernel does when memory runs out. */
    public boolean killed() {
      return signal == 9 || code == 137;
    }
  }
}
