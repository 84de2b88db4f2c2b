package org.tsnext.core.scheduling;

import java.util.Arrays;

/**
 * Requests by deadline, nearest first: a binary heap that knows where each of them is, so that one
 * that ends early leaves no trace.
 */
final class DeadlineHeap {

  private QueuedRequest[] heap = new QueuedRequest[16];
  private int size;

  boolean isEmpty() {
    return size == 0;
  }

  /** The request whose deadline comes first, or null. */
  QueuedRequest first() {
    return size == 0 ? null : heap[0];
  }

  void add(QueuedRequest request) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    size++;
    siftUp(size - 1, request);
  }

  /** Does nothing if it is not here. */
  void remove(QueuedRequest request) {
    int hole = request.deadlineIndex;
    if (hole < 0) {
      return;
    }
    request.deadlineIndex = -1;
    size--;
    QueuedRequest last = heap[size];
    heap[size] = null;
    if (hole != size) {
      siftDown(hole, last);
      if (heap[hole] == last) {
        siftUp(hole, last);
      }
    }
  }

  private void siftUp(int from, QueuedRequest request) {
    int at = from;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (!isBefore(request, heap[parent])) {
        break;
      }
      put(at, heap[parent]);
      at = parent;
    }
    put(at, request);
  }

  private void siftDown(int from, QueuedRequest request) {
    int at = from;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && isBefore(heap[child + 1], heap[child])) {
        child++;
      }
      if (!isBefore(heap[child], request)) {
        break;
      }
      put(at, heap[child]);
      at = child;
    }
    put(at, request);
  }

  private void put(int at, QueuedRequest request) {
    heap[at] = request;
    request.deadlineIndex = at;
  }

  private static boolean isBefore(QueuedRequest a, QueuedRequest b) {
    return a.deadline().nanos() - b.deadline().nanos() < 0;
  }
}
