package org.tsnext.transport;

/**
 * The room that one body takes of {@link BodyMemory} while it comes in, until it is not needed any
 * more. A body whose length is unknown moves from the share of small bodies to that of large ones
 * when it is one. One thread at a time.
 */
public final class BodyRoom {

  private final BodyMemory memory;
  private boolean large;
  private long held;

  BodyRoom(BodyMemory memory, boolean large) {
    this.memory = memory;
    this.large = large;
  }

  /**
   * Takes the room that is missing for a body of so many bytes.
   *
   * @param whole bytes of the body so far
   * @return false if there is none; then it stays as it was
   */
  public boolean grow(long whole) {
    if (whole <= held) {
      return true;
    }
    boolean moves = !large && whole > BodyMemory.MAX_SMALL;
    boolean room = moves ? memory.large().take(whole) : share().take(whole - held);
    if (room) {
      if (moves) {
        memory.small().add(-held);
        large = true;
      }
      held = whole;
    }
    return room;
  }

  /**
   * Takes the room that is missing, or gives back what is not needed any more.
   *
   * @return false if there is none; then it stays as it was
   */
  public boolean resize(long whole) {
    if (whole < held) {
      share().add(whole - held);
      held = whole;
      return true;
    }
    return grow(whole);
  }

  /** Whether a body of so many bytes, of which these are a part or all, is a large one. */
  public boolean isLarge(long whole) {
    return large || whole > BodyMemory.MAX_SMALL;
  }

  /** Gives everything back. Again, it does nothing. */
  public void release() {
    if (held > 0) {
      share().add(-held);
      held = 0;
    }
  }

  private BodyMemory.Share share() {
    return large ? memory.large() : memory.small();
  }
}
