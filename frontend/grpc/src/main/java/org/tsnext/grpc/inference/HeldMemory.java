package org.tsnext.grpc.inference;

import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.transport.BodyMemory;

/** The room that large messages take of the memory for bodies, until they are answered. */
final class HeldMemory {

  private final BodyMemory memory;

  HeldMemory(BodyMemory memory) {
    this.memory = memory;
  }

  /**
   * Takes room for a message.
   *
   * @return octets for {@link #give}
   * @throws ServingException BODY_MEMORY_FULL; the message is released
   */
  int take(Prediction message) {
    if (message.octets() <= BodyMemory.UNCOUNTED) {
      return 0;
    }
    if (!memory.take(message.octets())) {
      message.release();
      throw new ServingException(
          ErrorKind.BODY_MEMORY_FULL, "The server holds too many large bodies at the moment.");
    }
    return message.octets();
  }

  /** Gives back what {@link #take} returned. */
  void give(int octets) {
    if (octets > 0) {
      memory.give(octets);
    }
  }
}
