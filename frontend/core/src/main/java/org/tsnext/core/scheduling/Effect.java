package org.tsnext.core.scheduling;

/**
 * Something to do, and its own place in a {@link Chain}: what exists can be decided without any
 * memory. A request is its own end, and a batch is its own way to its worker.
 */
abstract class Effect {

  /** The one after it in its chain, or null. */
  Effect following;

  /** Does it; called once. */
  abstract void apply(Effects.Target target);

  /** Effects in order. No operation of it allocates. */
  static final class Chain {
    private Effect first;
    private Effect last;

    boolean isEmpty() {
      return first == null;
    }

    void add(Effect effect) {
      if (last == null) {
        first = effect;
      } else {
        last.following = effect;
      }
      last = effect;
    }

    /** Moves everything from {@code other} behind what is here. */
    void takeFrom(Chain other) {
      if (other.first != null) {
        add(other.first);
        last = other.last;
        other.first = null;
        other.last = null;
      }
    }

    /** Removes and returns the first one, or null. */
    Effect poll() {
      Effect effect = first;
      if (effect != null) {
        first = effect.following;
        effect.following = null;
        if (first == null) {
          last = null;
        }
      }
      return effect;
    }
  }
}
