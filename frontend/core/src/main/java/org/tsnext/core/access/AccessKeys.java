package org.tsnext.core.access;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.tsnext.core.time.Clock;

/** The keys that are valid now. Any thread; checking takes no lock and never blocks. */
public final class AccessKeys {

  /** What a presented key is worth. */
  public enum Verdict {
    GRANTED,
    /** A valid key, for something else. */
    WRONG_KIND,
    /** It was valid once. */
    EXPIRED,
    UNKNOWN
  }

  private record Slot(AccessKey current, Optional<AccessKey> former) {}

  private final Clock clock;
  private final Map<KeyKind, Slot> slots = new ConcurrentHashMap<>();

  public AccessKeys(Clock clock) {
    this.clock = clock;
  }

  /**
   * Puts a key in the place of the one of its kind.
   *
   * @param life how long it is valid from now; empty for ever
   * @param overlap how long the key before it stays valid; zero ends it at once
   */
  public void put(KeyKind kind, String key, Optional<Duration> life, Duration overlap) {
    long now = clock.nanoTime();
    AccessKey made = new AccessKey(key, now, life);
    slots.compute(
        kind,
        (same, before) ->
            new Slot(
                made,
                before == null || overlap.isZero()
                    ? Optional.empty()
                    : Optional.of(before.current().ending(now, overlap))));
  }

  /** Judges a key by the kinds of which one is asked for. */
  public Verdict check(Set<KeyKind> accepted, String presented) {
    byte[] digest = AccessKey.digest(presented);
    long now = clock.nanoTime();
    Verdict best = Verdict.UNKNOWN;
    for (KeyKind kind : accepted) {
      Verdict verdict = verdict(slots.get(kind), digest, now);
      if (verdict == Verdict.GRANTED) {
        return verdict;
      }
      best = verdict == Verdict.EXPIRED ? verdict : best;
    }
    for (Map.Entry<KeyKind, Slot> other : slots.entrySet()) {
      if (!accepted.contains(other.getKey())
          && verdict(other.getValue(), digest, now) == Verdict.GRANTED) {
        return Verdict.WRONG_KIND;
      }
    }
    return best;
  }

  private static Verdict verdict(Slot slot, byte[] digest, long now) {
    if (slot == null) {
      return Verdict.UNKNOWN;
    }
    if (slot.current().isOf(digest)) {
      return slot.current().isExpired(now) ? Verdict.EXPIRED : Verdict.GRANTED;
    }
    if (slot.former().isPresent() && slot.former().get().isOf(digest)) {
      return slot.former().get().isExpired(now) ? Verdict.EXPIRED : Verdict.GRANTED;
    }
    return Verdict.UNKNOWN;
  }
}
