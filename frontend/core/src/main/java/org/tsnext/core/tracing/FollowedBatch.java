package org.tsnext.core.tracing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A batch that a worker was given, with requests that are followed. Thread-safe.
 *
 * <p>Its parts that are followed end one by one; with the last of them it has ended.
 */
public final class FollowedBatch {

  /** A batch of which no request is followed. */
  public static final FollowedBatch NOT_FOLLOWED =
      new FollowedBatch(new Worker("", "", 0), new Facts(0, 0, 0, 0, false));

  private final Worker worker;
  private final Facts facts;

  @GuardedBy("this")
  private final List<WorkerAttempt> attempts = new ArrayList<>();

  @GuardedBy("this")
  private int open;

  @GuardedBy("this")
  private Optional<String> spanId = Optional.empty();

  /** Who runs it. */
  public record Worker(String modelName, String modelVersion, int workerId) {}

  /**
   * What is known of it.
   *
   * @param id of the batch among the open ones of its worker, unsigned
   * @param size how many requests, followed or not
   * @param sentNanos when it was sent
   * @param freeNanos since when its worker has waited for requests; when it was sent if it has not
   * @param behind whether the worker has to finish another batch first
   */
  public record Facts(int id, int size, long sentNanos, long freeNanos, boolean behind) {}

  public FollowedBatch(Worker worker, Facts facts) {
    this.worker = Objects.requireNonNull(worker, "worker");
    this.facts = Objects.requireNonNull(facts, "facts");
  }

  public Worker worker() {
    return worker;
  }

  public Facts facts() {
    return facts;
  }

  synchronized void add(WorkerAttempt attempt) {
    attempts.add(attempt);
    open++;
  }

  /** Its requests that are followed, in order. */
  public synchronized List<WorkerAttempt> attempts() {
    return List.copyOf(attempts);
  }

  /**
   * One of them has ended.
   *
   * @return whether it was the last
   */
  public synchronized boolean ended() {
    open--;
    return open == 0;
  }

  /** The id of its span, which is chosen once. */
  public synchronized String spanId(Supplier<String> chosen) {
    if (spanId.isEmpty()) {
      spanId = Optional.of(chosen.get());
    }
    return spanId.get();
  }

  /**
   * What the worker gets of an item beside the request: the {@code traceparent} of its handler, or
   * an empty text if only its times are wanted; nothing if it is not followed.
   */
  public synchronized Optional<String> handlerContext(int item) {
    for (WorkerAttempt attempt : attempts) {
      if (attempt.item() == item) {
        return Optional.of(attempt.handlerContext());
      }
    }
    return Optional.empty();
  }
}
