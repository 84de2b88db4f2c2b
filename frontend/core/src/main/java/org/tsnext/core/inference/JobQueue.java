package org.tsnext.core.inference;

import java.util.EnumMap;
import java.util.Map;
import org.tsnext.core.request.RequestKind;

/**
 * The requests of one model version that wait for a worker: one queue in order of arrival per kind,
 * since batches never mix kinds, and one bound over predictions and explanations. Removal from the
 * middle is cheap, so that clients that leave and deadlines that pass free their place at once.
 * Guarded by the dispatcher's lock.
 */
final class JobQueue {

  static final RequestKind[] KINDS = RequestKind.values();

  private final int capacity;
  private final Map<RequestKind, Line> lines = new EnumMap<>(RequestKind.class);
  private int size;

  JobQueue(int capacity) {
    this.capacity = capacity;
    for (RequestKind kind : KINDS) {
      lines.put(kind, new Line());
    }
  }

  int capacity() {
    return capacity;
  }

  int size() {
    return size;
  }

  int size(RequestKind kind) {
    return lines.get(kind).size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /**
   * Whether no more requests of a kind find a place. Descriptions have places of their own: a model
   * can be asked about itself while its queue is full.
   */
  boolean isFull(RequestKind kind) {
    int described = lines.get(RequestKind.DESCRIBE).size;
    return (kind == RequestKind.DESCRIBE ? described : size - described) >= capacity;
  }

  /** The request of that kind that has waited longest, or null. */
  Call oldest(RequestKind kind) {
    return lines.get(kind).head;
  }

  void addLast(Call call) {
    lineOf(call).addLast(call);
    call.queued = true;
    size++;
  }

  /** Puts a request back that has been with a worker. It finds its place even in a full queue. */
  void addFirst(Call call) {
    lineOf(call).addFirst(call);
    call.queued = true;
    size++;
  }

  /** Does nothing if it is not here. */
  void remove(Call call) {
    if (call.queued) {
      lineOf(call).unlink(call);
      call.queued = false;
      size--;
    }
  }

  /** Removes and returns the oldest of a kind, or null. */
  Call poll(RequestKind kind) {
    Call call = oldest(kind);
    if (call != null) {
      remove(call);
    }
    return call;
  }

  /** Removes and returns any request, or null. */
  Call poll() {
    for (RequestKind kind : KINDS) {
      Call call = poll(kind);
      if (call != null) {
        return call;
      }
    }
    return null;
  }

  private Line lineOf(Call call) {
    return lines.get(call.request().kind());
  }

  private static final class Line {
    Call head;
    Call tail;
    int size;

    void addLast(Call call) {
      call.previous = tail;
      call.next = null;
      if (tail == null) {
        head = call;
      } else {
        tail.next = call;
      }
      tail = call;
      size++;
    }

    void addFirst(Call call) {
      call.previous = null;
      call.next = head;
      if (head == null) {
        tail = call;
      } else {
        head.previous = call;
      }
      head = call;
      size++;
    }

    void unlink(Call call) {
      if (call.previous == null) {
        head = call.next;
      } else {
        call.previous.next = call.next;
      }
      if (call.next == null) {
        tail = call.previous;
      } else {
        call.next.previous = call.previous;
      }
      call.previous = null;
      call.next = null;
      size--;
    }
  }
}
