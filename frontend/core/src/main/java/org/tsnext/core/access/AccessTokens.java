package org.tsnext.core.access;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.tsnext.core.time.Clock;

/** The tokens that are valid now. Any thread; checking takes no lock and never blocks. */
public final class AccessTokens {

  /** What a presented token is worth. */
  public enum Verdict {
    GRANTED,
    /** A valid token, for something else. */
    WRONG_KIND,
    /** It was valid once. */
    EXPIRED,
    UNKNOWN
  }

  private record Slot(AccessToken current, Optional<AccessToken> former) {}

  private final Clock clock;
  private final Map<TokenKind, Slot> slots = new ConcurrentHashMap<>();

  public AccessTokens(Clock clock) {
    this.clock = clock;
  }

  /**
   * Puts a token in the place of the one of its kind.
   *
   * @param life how long it is valid from now; empty for ever
   * @param overlap how long the token before it stays valid; zero ends it at once
   */
  public void put(TokenKind kind, String token, Optional<Duration> life, Duration overlap) {
    long now = clock.nanoTime();
    AccessToken made = new AccessToken(token, now, life);
    slots.compute(
        kind,
        (same, before) ->
            new Slot(
                made,
                before == null || overlap.isZero()
                    ? Optional.empty()
                    : Optional.of(before.current().ending(now, overlap))));
  }

  /** Judges a token by the kinds of which one is asked for. */
  public Verdict check(Set<TokenKind> accepted, String presented) {
    byte[] digest = AccessToken.digest(presented);
    long now = clock.nanoTime();
    Verdict best = Verdict.UNKNOWN;
    for (TokenKind kind : accepted) {
      Verdict verdict = verdict(slots.get(kind), digest, now);
      if (verdict == Verdict.GRANTED) {
        return verdict;
      }
      best = verdict == Verdict.EXPIRED ? verdict : best;
    }
    for (Map.Entry<TokenKind, Slot> other : slots.entrySet()) {
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
