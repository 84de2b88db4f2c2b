package org.tsnext.core.worker;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A queue of events that are handled one at a time and in order, on threads of an executor. Whoever
 * puts one in never waits.
 */
final class Mailbox {

  private static final Logger LOGGER = LoggerFactory.getLogger(Mailbox.class);

  private final Executor executor;
  private final Queue<Runnable> events = new ConcurrentLinkedQueue<>();
  private final AtomicInteger pending = new AtomicInteger();

  Mailbox(Executor executor) {
    this.executor = executor;
  }

  void put(Runnable event) {
    events.add(event);
    if (pending.getAndIncrement() == 0) {
      try {
        executor.execute(this::drain);
      } catch (RejectedExecutionException e) {
        // The executor has been shut down; events are short, and the last ones still matter.
        drain();
      }
    }
  }

  private void drain() {
    do {
      handle(events.poll());
    } while (pending.decrementAndGet() != 0);
  }

  private static void handle(Runnable event) {
    try {
      event.run();
    } catch (RuntimeException e) {
      LOGGER.error("Supervision failed at an event", e);
    }
  }
}
