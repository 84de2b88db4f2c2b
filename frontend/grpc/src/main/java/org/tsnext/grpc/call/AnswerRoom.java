package org.tsnext.grpc.call;

import org.tsnext.transport.BodyMemory;

/**
 * The room that what a call answers takes of the memory for bodies, until its client has it. What
 * is there already is counted, never refused. Any thread.
 */
public final class AnswerRoom {

  private final BodyMemory memory;

  // Guarded by this.
  private long held;
  private boolean closed;

  AnswerRoom(BodyMemory memory) {
    this.memory = memory;
  }

  /** Counts so many bytes instead of those before. */
  synchronized void hold(long bytes) {
    if (!closed && bytes != held) {
      memory.count(bytes);
      memory.give(held);
      held = bytes;
    }
  }

  /** Gives everything back; nothing is counted afterwards. */
  synchronized void close() {
    hold(0);
    closed = true;
  }
}
