package org.tsnext.grpc.call;

import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.transport.BodyMemory;

/** The room that large messages take of the memory for bodies, until they are answered. */
public final class HeldMemory {

  private final BodyMemory memory;

  public HeldMemory(BodyMemory memory) {
    this.memory = memory;
  }

  /**
   * Takes room for a message.
   *
   * @param octets that it needs
   * @return octets for {@link #give}
   * @throws ServingException BODY_MEMORY_FULL; the message is released
   */
  public int take(int octets, CallMessage message) {
    if (octets <= BodyMemory.UNCOUNTED) {
      return 0;
    }
    if (!memory.take(octets)) {
      message.release();
      throw new ServingException(
          ErrorKind.BODY_MEMORY_FULL, "The server holds too many large bodies at the moment.");
    }
    return octets;
  }

  /** Gives back what {@link #take} returned. */
  public void give(int octets) {
    if (octets > 0) {
      memory.give(octets);
    }
  }
}
