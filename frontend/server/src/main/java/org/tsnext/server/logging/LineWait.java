package org.tsnext.server.logging;

import com.lmax.disruptor.AlertException;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.WaitStrategy;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * How the thread that writes logs waits for lines. While they come it looks for them now and then,
 * and writes together what came: waking it for each would cost a request more than all else that is
 * logged about it. The more there were, the sooner it looks again, so that it takes a CPU from
 * requests for short times only. When none has come for a few looks it sleeps, and the next line
 * wakes it: an idle server does nothing.
 *
 * <p>For one writing thread.
 */
final class LineWait implements WaitStrategy {

  // The buffer (log4j2.component.properties) holds the lines of this time many times over.
  private static final long LOOK_NANOS = Duration.ofMillis(50).toNanos();
  private static final long BUSY_LOOK_NANOS = Duration.ofMillis(10).toNanos();

  /** So many lines at one look have the next one come sooner. */
  private static final int BUSY_LINES = 20;

  private static final int LOOKS = 3;
  private static final Duration MAX_SLEEP = Duration.ofSeconds(10);

  private final Runnable flush;
  private final long maxSleepNanos;

  /** Up to where lines were there at the wait before. */
  private long seen;

  /** Who sleeps until a line comes, or null. */
  private volatile Thread asleep;

  /**
   * @param flush has what was written leave this process, before it waits; must not throw
   */
  LineWait(Runnable flush) {
    this(flush, MAX_SLEEP);
  }

  /**
   * @param maxSleep after which it looks although no line has woken it
   */
  LineWait(Runnable flush, Duration maxSleep) {
    this.flush = flush;
    this.maxSleepNanos = maxSleep.toNanos();
  }

  @Override
  public long waitFor(long sequence, Sequence cursor, Sequence dependent, SequenceBarrier barrier)
      throws AlertException {
    long available = dependent.get();
    if (available >= sequence) {
      return available;
    }
    flush.run();
    long look = sequence - seen > BUSY_LINES ? BUSY_LOOK_NANOS : LOOK_NANOS;
    seen = sequence;
    int looks = 0;
    while (available < sequence) {
      barrier.checkAlert();
      if (looks < LOOKS) {
        looks++;
        LockSupport.parkNanos(this, look);
      } else {
        sleep(sequence, dependent, barrier);
      }
      available = dependent.get();
    }
    return available;
  }

  private void sleep(long sequence, Sequence dependent, SequenceBarrier barrier) {
    // In this order: a line that is not seen here sees who sleeps.
    asleep = Thread.currentThread();
    VarHandle.fullFence(); // a Sequence is not read as a volatile is
    if (dependent.get() < sequence && !barrier.isAlerted()) {
      LockSupport.parkNanos(this, maxSleepNanos);
    }
    asleep = null;
  }

  /** Called after each line, by the thread that logs it. */
  @Override
  public void signalAllWhenBlocking() {
    Thread sleeper = asleep;
    if (sleeper != null) {
      asleep = null;
      LockSupport.unpark(sleeper);
    }
  }
}
