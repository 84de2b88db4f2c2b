package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.tracing.WorkerAttempt.HandlerTime;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/** What a worker says on its channel. */
public sealed interface WorkerMessage {

  /**
   * The first message of a connection.
   *
   * @param spawnId u32 that the frontend chose, as an int
   * @param control whether it is the control connection of a worker that has its first one
   */
  record Hello(
      long protocol,
      int spawnId,
      String secret,
      long pid,
      String python,
      Optional<String> torch,
      boolean control)
      implements WorkerMessage {

    /** The secret stays out of logs. */
    @Override
    public String toString() {
      return "Hello[launch=" + Integer.toUnsignedString(spawnId) + ", pid=" + pid + "]";
    }
  }

  /**
   * The model is ready.
   *
   * @param imported modules of installed packages that the worker has imported for itself
   * @param openAiRoutes paths of the OpenAI API that the handler serves
   */
  record Loaded(
      String message,
      Duration took,
      List<String> imported,
      List<Long> rankPids,
      Set<String> openAiRoutes)
      implements WorkerMessage {

    public Loaded {
      imported = List.copyOf(imported);
      rankPids = List.copyOf(rankPids);
      openAiRoutes = Set.copyOf(openAiRoutes);
    }
  }

  record Failed(LoadFailure failure) implements WorkerMessage {}

  /**
   * The answer of an item or a chunk of it.
   *
   * @param last whether nothing follows for this item
   * @param body owned by the holder of the message
   */
  record Response(int batch, int item, boolean last, ResponseHead head, ByteBuf body)
      implements WorkerMessage {}

  /**
   * The end of an item.
   *
   * @param item -1 for all that are still open
   */
  record ItemError(int batch, int item, HandlerError error) implements WorkerMessage {}

  /**
   * When the handler of an item ran.
   *
   * @param item -1 for all that are still open
   */
  record Handled(int batch, int item, HandlerTime time) implements WorkerMessage {}

  /**
   * What becomes of a batch that was to be withdrawn.
   *
   * @param given whether the worker does not run it; else it has begun with it
   */
  record Withdrawal(int batch, boolean given) implements WorkerMessage {}

  /** The worker can serve no more, and ends. */
  record Unusable(String reason) implements WorkerMessage {}

  record Metric(MetricSample sample) implements WorkerMessage {}

  record Pong(int token) implements WorkerMessage {}
}
