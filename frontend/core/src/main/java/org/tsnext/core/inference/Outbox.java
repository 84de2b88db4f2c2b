package org.tsnext.core.inference;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Orders that are given under a lock and carried out off it: in the order in which they were given,
 * by one thread at a time, which may be any of those that flush. Nobody waits for anybody.
 */
final class Outbox {

  private final Queue<Runnable> orders = new ConcurrentLinkedQueue<>();
  private final AtomicInteger flushing = new AtomicInteger();

  void add(Runnable order) {
    orders.add(order);
  }

  /** Carries out what there is, or leaves it to the thread that is at it. */
  void flush() {
    if (orders.isEmpty() || flushing.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      for (Runnable order = orders.poll(); order != null; order = orders.poll()) {
        order.run();
      }
      seen = flushing.addAndGet(-seen);
    } while (seen != 0);
  }
}
