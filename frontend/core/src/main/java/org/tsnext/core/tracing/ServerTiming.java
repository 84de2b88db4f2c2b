package org.tsnext.core.tracing;

import java.util.Locale;
import java.util.Optional;

/**
 * The times of a request as the header {@code Server-Timing} (W3C) tells them, in milliseconds.
 *
 * <ul>
 *   <li>{@code queue}: it waited for a worker, or in one for the batch before it.
 *   <li>{@code batch}: it waited for others that fill its batch, while a worker was free.
 *   <li>{@code handler}: the handler ran, as its process measures it.
 *   <li>{@code lost}: a worker had it that was lost; only where that happened.
 *   <li>{@code transport}: everything else: reading the request, on the way to the worker and back,
 *       and writing the response.
 *   <li>{@code total}: all together.
 * </ul>
 *
 * While a worker has the request, as at the first part of a stream, the last two are not known.
 */
public final class ServerTiming {

  public static final String HEADER = "server-timing";

  private static final double NANOS_PER_MILLI = 1e6;

  private long queue;
  private long batch;
  private long handler;
  private long lost;
  private boolean handled;
  private boolean open;

  private ServerTiming() {}

  /** The value of the header. */
  public static String of(RequestTimeline timeline, long nowNanos) {
    ServerTiming timing = new ServerTiming();
    timeline.attempts().forEach(timing::add);
    return timing.text(Math.max(0, nowNanos - timeline.startNanos()));
  }

  private void add(WorkerAttempt attempt) {
    FollowedBatch.Facts sent = attempt.batch().facts();
    long waited = Math.max(0, sent.sentNanos() - attempt.queuedNanos());
    long filling = Math.max(0, Math.min(waited, sent.sentNanos() - sent.freeNanos()));
    batch += filling;
    queue += waited - filling;
    Optional<WorkerAttempt.End> end = attempt.end();
    open |= end.isEmpty();
    if (end.isPresent() && end.get().lost()) {
      lost += Math.max(0, end.get().nanos() - sent.sentNanos());
    } else if (attempt.handler().isPresent()) {
      long ran = attempt.handler().get().nanos();
      handled = true;
      handler += ran;
      if (sent.behind() && end.isPresent()) {
        // What is on the way to and from a worker is short beside what it runs before.
        queue += Math.max(0, end.get().nanos() - sent.sentNanos() - ran);
      }
    }
  }

  private String text(long total) {
    StringBuilder text = new StringBuilder(96);
    append(text, "queue", queue);
    append(text, "batch", batch);
    if (handled) {
      append(text, "handler", handler);
    }
    if (lost > 0) {
      append(text, "lost", lost);
    }
    if (!open) {
      append(text, "transport", Math.max(0, total - queue - batch - handler - lost));
      append(text, "total", total);
    }
    return text.toString();
  }

  private static void append(StringBuilder text, String name, long nanos) {
    if (text.length() > 0) {
      text.append(", ");
    }
    text.append(name).append(String.format(Locale.ROOT, ";dur=%.3f", nanos / NANOS_PER_MILLI));
  }
}
