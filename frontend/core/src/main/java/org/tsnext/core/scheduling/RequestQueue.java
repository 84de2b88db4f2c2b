package org.tsnext.core.scheduling;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.tsnext.core.request.RequestKind;

/**
 * The requests of one model version that wait for a worker: one queue in order of arrival per kind,
 * since batches never mix kinds, and one bound over predictions and explanations. Removal from the
 * middle is cheap, so that clients that leave and deadlines that pass free their place at once.
 */
final class RequestQueue {

  static final RequestKind[] KINDS = RequestKind.values();

  private final int capacity;
  private final Map<RequestKind, Line> lines = new EnumMap<>(RequestKind.class);
  private int size;

  RequestQueue(int capacity) {
    this.capacity = capacity;
    for (RequestKind kind : KINDS) {
      lines.put(kind, new Line());
    }
  }

  int size() {
    return size;
  }

  int size(RequestKind kind) {
    return line(kind).size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /**
   * Whether no more requests of a kind find a place. Descriptions have places of their own: a model
   * can be asked about itself while its queue is full.
   */
  boolean isFull(RequestKind kind) {
    int described = line(RequestKind.DESCRIBE).size;
    return (kind == RequestKind.DESCRIBE ? described : size - described) >= capacity;
  }

  /** The request of that kind that has waited longest, or null. */
  QueuedRequest oldest(RequestKind kind) {
    return line(kind).head;
  }

  void addLast(QueuedRequest request) {
    Line line = line(request.kind());
    request.previous = line.tail;
    request.next = null;
    if (line.tail == null) {
      line.head = request;
    } else {
      line.tail.next = request;
    }
    line.tail = request;
    added(line, request);
  }

  /** Puts a request back that has been with a worker. It finds its place even in a full queue. */
  void addFirst(QueuedRequest request) {
    Line line = line(request.kind());
    request.previous = null;
    request.next = line.head;
    if (line.head == null) {
      line.tail = request;
    } else {
      line.head.previous = request;
    }
    line.head = request;
    added(line, request);
  }

  /** Does nothing if it is not here. */
  void remove(QueuedRequest request) {
    if (!request.queued) {
      return;
    }
    Line line = line(request.kind());
    if (request.previous == null) {
      line.head = request.next;
    } else {
      request.previous.next = request.next;
    }
    if (request.next == null) {
      line.tail = request.previous;
    } else {
      request.next.previous = request.previous;
    }
    request.previous = null;
    request.next = null;
    request.queued = false;
    line.size--;
    size--;
  }

  /** Removes and returns the oldest of a kind, or null. */
  QueuedRequest poll(RequestKind kind) {
    QueuedRequest request = oldest(kind);
    if (request != null) {
      remove(request);
    }
    return request;
  }

  /** Moves everything to {@code taken}. */
  void drainTo(List<QueuedRequest> taken) {
    for (RequestKind kind : KINDS) {
      for (QueuedRequest request = poll(kind); request != null; request = poll(kind)) {
        taken.add(request);
      }
    }
  }

  private void added(Line line, QueuedRequest request) {
    request.queued = true;
    line.size++;
    size++;
  }

  private Line line(RequestKind kind) {
    return lines.get(kind);
  }

  /** The requests of one kind, oldest first. */
  private static final class Line {
    private QueuedRequest head;
    private QueuedRequest tail;
    private int size;
  }
}
