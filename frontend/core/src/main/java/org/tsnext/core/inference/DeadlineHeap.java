package org.tsnext.core.inference;

import java.util.Arrays;

/**
 * Calls by deadline, nearest first: a binary heap that knows where each call is, so that one that
 * ends early leaves no trace. Guarded by the dispatcher's lock.
 */
final class DeadlineHeap {

  private Call[] heap = new Call[16];
  private int size;

  boolean isEmpty() {
    return size == 0;
  }

  /** The call whose deadline comes first, or null. */
  Call first() {
    return size == 0 ? null : heap[0];
  }

  void add(Call call) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    size++;
    siftUp(size - 1, call);
  }

  /** Does nothing if it is not here. */
  void remove(Call call) {
    int hole = call.deadlineIndex;
    if (hole < 0) {
      return;
    }
    call.deadlineIndex = -1;
    size--;
    Call last = heap[size];
    heap[size] = null;
    if (hole != size) {
      siftDown(hole, last);
      if (heap[hole] == last) {
        siftUp(hole, last);
      }
    }
  }

  private void siftUp(int from, Call call) {
    int at = from;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (!isBefore(call, heap[parent])) {
        break;
      }
      put(at, heap[parent]);
      at = parent;
    }
    put(at, call);
  }

  private void siftDown(int from, Call call) {
    int at = from;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && isBefore(heap[child + 1], heap[child])) {
        child++;
      }
      if (!isBefore(heap[child], call)) {
        break;
      }
      put(at, heap[child]);
      at = child;
    }
    put(at, call);
  }

  private void put(int at, Call call) {
    heap[at] = call;
    call.deadlineIndex = at;
  }

  private static boolean isBefore(Call a, Call b) {
    return a.deadline().nanos() - b.deadline().nanos() < 0;
  }
}
