package org.tsnext.core.request;

import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/** The ids of requests, which clients send and get as {@code x-request-id}. */
public final class RequestIds {

  private static final int MAX_LENGTH = 128;
  private static final long VERSION_MASK = 0xffffffffffff0fffL;
  private static final long VERSION_4 = 0x4000L;
  private static final long VARIANT_MASK = 0x3fffffffffffffffL;
  private static final long VARIANT = 0x8000000000000000L;

  private RequestIds() {}

  /**
   * The client's own id if it is 1 to 128 of {@code [A-Za-z0-9._-]}, else a new random UUID. Ids
   * are no secrets, so the randomness is the fast one.
   *
   * @param own what the client sent; null if nothing
   */
  public static String of(String own) {
    if (own != null && isAcceptable(own)) {
      return own;
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return new UUID(
            (random.nextLong() & VERSION_MASK) | VERSION_4,
            (random.nextLong() & VARIANT_MASK) | VARIANT)
        .toString();
  }

  private static boolean isAcceptable(String id) {
    if (id.isEmpty() || id.length() > MAX_LENGTH) {
      return false;
    }
    for (int i = 0; i < id.length(); i++) {
      char c = id.charAt(i);
      boolean alphanumeric =
          (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      if (!alphanumeric && c != '.' && c != '_' && c != '-') {
        return false;
      }
    }
    return true;
  }
}
