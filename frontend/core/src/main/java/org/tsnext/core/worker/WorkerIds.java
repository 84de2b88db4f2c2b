package org.tsnext.core.worker;

import java.util.BitSet;

/** Public ids of workers: the lowest free number from a first one up. Safe for any thread. */
public final class WorkerIds {

  private final int first;
  private final BitSet taken = new BitSet();

  public WorkerIds(int first) {
    this.first = first;
  }

  synchronized int take() {
    int index = taken.nextClearBit(0);
    taken.set(index);
    return first + index;
  }

  synchronized void giveBack(int id) {
    taken.clear(id - first);
  }
}
