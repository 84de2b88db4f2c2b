package org.tsnext.worker;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.netty.buffer.UnpooledHeapByteBuf;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that can run out: a chosen allocation fails, or all from there on. Growing a buffer is an
 * allocation, too.
 */
public final class FailingAllocator extends AbstractByteBufAllocator {

  private final List<ByteBuf> made = new ArrayList<>();
  private int allocations;
  private int failFrom = Integer.MAX_VALUE;
  private int failUntil = Integer.MAX_VALUE;

  public FailingAllocator() {
    super(true);
  }

  /** Fails the allocation with that number, counted from now, beginning with 1. */
  public synchronized void failAt(int number) {
    failBetween(number, number + 1);
  }

  /** Fails all allocations from that number on, counted from now. */
  public synchronized void failFrom(int number) {
    failBetween(number, Integer.MAX_VALUE);
  }

  /** Whether an allocation has failed since the last {@link #failAt}. */
  public synchronized boolean hasFailed() {
    return allocations >= failFrom;
  }

  /** The buffers that are still held. */
  public synchronized List<ByteBuf> held() {
    return made.stream().filter(buffer -> buffer.refCnt() > 0).toList();
  }

  @Override
  public boolean isDirectBufferPooled() {
    return false;
  }

  @Override
  public synchronized CompositeByteBuf compositeDirectBuffer(int maxNumComponents) {
    return composite(true, maxNumComponents);
  }

  @Override
  public synchronized CompositeByteBuf compositeHeapBuffer(int maxNumComponents) {
    return composite(false, maxNumComponents);
  }

  @Override
  protected synchronized ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
    count();
    return note(
        new UnpooledHeapByteBuf(this, initialCapacity, maxCapacity) {
          @Override
          public ByteBuf capacity(int newCapacity) {
            count();
            return super.capacity(newCapacity);
          }
        });
  }

  @Override
  protected synchronized ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
    count();
    return note(
        new UnpooledDirectByteBuf(this, initialCapacity, maxCapacity) {
          @Override
          public ByteBuf capacity(int newCapacity) {
            count();
            return super.capacity(newCapacity);
          }
        });
  }

  private void failBetween(int from, int until) {
    allocations = 0;
    failFrom = from;
    failUntil = until;
  }

  private CompositeByteBuf composite(boolean direct, int maxNumComponents) {
    count();
    return note(new CompositeByteBuf(this, direct, maxNumComponents));
  }

  private <T extends ByteBuf> T note(T buffer) {
    made.add(buffer);
    return buffer;
  }

  private synchronized void count() {
    allocations++;
    if (allocations >= failFrom && allocations < failUntil) {
      throw new OutOfMemoryError("Cannot reserve direct buffer memory");
    }
  }
}
