package org.tsnext.grpc.call;

import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.transport.BodyMemory;

/** The room that the messages of a call with many take of the memory for bodies, until answered. */
public final class HeldMemory {

  private final BodyMemory memory;

  public HeldMemory(BodyMemory memory) {
    this.memory = memory;
  }

  /**
   * Takes room for a message.
   *
   * @param bytes that it needs
   * @return bytes for {@link #give}
   * @throws ServingException BODY_MEMORY_FULL; the message is released
   */
  public int take(int bytes, CallMessage message) {
    if (!memory.take(bytes)) {
      message.release();
      throw full(bytes > BodyMemory.MAX_SMALL);
    }
    return bytes;
  }

  /** Gives back what {@link #take} returned. */
  public void give(int bytes) {
    if (bytes > 0) {
      memory.give(bytes);
    }
  }

  static ServingException full(boolean ofLarge) {
    return new ServingException(
        ErrorKind.BODY_MEMORY_FULL,
        ofLarge
            ? "The server holds too many large bodies at the moment."
            : "The server holds too many small bodies at the moment.");
  }
}
