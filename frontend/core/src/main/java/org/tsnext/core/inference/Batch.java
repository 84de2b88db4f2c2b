package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.time.Clock;
import org.tsnext.core.worker.WorkerProcess;

/**
 * Requests that went to one worker together. Guarded by the dispatcher's lock, but for the write.
 */
final class Batch {

  private final Seat seat;
  private final int id;
  private final Call[] calls;
  private int open;
  private volatile boolean written;

  /** When it was due. */
  private final long assignedNanos;

  /** When the worker last said something of it, or when it was due. */
  long lastWordNanos;

  Batch(Seat seat, int id, List<Call> items, long now) {
    this.seat = seat;
    this.id = id;
    this.calls = items.toArray(Call[]::new);
    this.open = calls.length;
    this.assignedNanos = now;
    this.lastWordNanos = now;
    for (int i = 0; i < calls.length; i++) {
      calls[i].batch = this;
      calls[i].item = i;
    }
  }

  Seat seat() {
    return seat;
  }

  int id() {
    return id;
  }

  /** Whether the worker may have seen it. */
  boolean isWritten() {
    return written;
  }

  boolean isDone() {
    return open == 0;
  }

  /** The request with that number if it has no end yet, or null. */
  Call openItem(int item) {
    return item >= 0 && item < calls.length && calls[item].batch == this ? calls[item] : null;
  }

  /** Takes an open item out: it is answered, or goes elsewhere. */
  void take(Call call) {
    call.batch = null;
    open--;
  }

  /** Takes all open items out, in order. */
  List<Call> takeAll() {
    List<Call> taken = new ArrayList<>(open);
    for (Call call : calls) {
      if (call.batch == this) {
        take(call);
        taken.add(call);
      }
    }
    return taken;
  }

  /** Sends it and gives back the holds that {@link Batcher#take} took. Off the lock. */
  void write(WorkerProcess process, Clock clock, VersionMetrics metrics) {
    try {
      written = true;
      long now = clock.nanoTime();
      int[] millisLeft = new int[calls.length];
      for (int i = 0; i < calls.length; i++) {
        millisLeft[i] = calls[i].deadline().millisLeft(now);
        if (calls[i].deaths == 0) {
          metrics.dequeued(calls[i].request(), now - calls[i].arrivalNanos());
        }
      }
      process.send(id, requests(), millisLeft);
      metrics.sent(clock.nanoTime() - assignedNanos);
    } finally {
      drop();
    }
  }

  /** Gives back the holds without sending: the worker is gone. */
  void drop() {
    for (Call call : calls) {
      call.release();
    }
  }

  private List<InferenceRequest> requests() {
    if (calls.length == 1) {
      return List.of(calls[0].request());
    }
    List<InferenceRequest> requests = new ArrayList<>(calls.length);
    for (Call call : calls) {
      requests.add(call.request());
    }
    return requests;
  }
}
