package org.tsnext.core.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Optional;

/**
 * A token that opens something, known by its digest only. Comparing takes the same time whatever is
 * presented: digests have one length, and {@link MessageDigest#isEqual} looks at all of them.
 */
final class AccessToken {

  private static final long FOR_EVER = Long.MAX_VALUE;

  private final byte[] digest;
  private final long createdNanos;
  private final long lifeNanos;

  /**
   * @param createdNanos by the monotonic clock
   * @param life empty for a token that never expires
   */
  AccessToken(String token, long createdNanos, Optional<Duration> life) {
    this(digest(token), createdNanos, life.map(AccessToken::nanos).orElse(FOR_EVER));
  }

  private AccessToken(byte[] digest, long createdNanos, long lifeNanos) {
    this.digest = digest;
    this.createdNanos = createdNanos;
    this.lifeNanos = lifeNanos;
  }

  /** The digest that {@link #isOf} compares. */
  static byte[] digest(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  boolean isOf(byte[] presentedDigest) {
    return MessageDigest.isEqual(digest, presentedDigest);
  }

  boolean isExpired(long nowNanos) {
    return lifeNanos != FOR_EVER && nowNanos - createdNanos >= lifeNanos;
  }

  /** The same token for {@code longer} from now, but not beyond its own end. */
  AccessToken ending(long nowNanos, Duration longer) {
    long age = nowNanos - createdNanos;
    long wanted = age > FOR_EVER - nanos(longer) ? FOR_EVER : age + nanos(longer);
    return new AccessToken(digest, createdNanos, Math.min(lifeNanos, wanted));
  }

  /** In nanoseconds, of which a long holds 292 years; beyond that it is for ever. */
  private static long nanos(Duration length) {
    return length.compareTo(Duration.ofNanos(FOR_EVER)) >= 0 ? FOR_EVER : length.toNanos();
  }
}
