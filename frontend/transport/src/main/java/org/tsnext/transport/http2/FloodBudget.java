package org.tsnext.transport.http2;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What a client may send without asking for anything: settings, pings, priorities, window updates,
 * empty or unknown frames. It begins with some credit and gets more with time, and with each frame
 * that the server sends it: a client that reads much has much to acknowledge. One thread.
 */
final class FloodBudget {

  /** Frames at once. */
  static final int BURST = 4096;

  /** Frames per second, beside what the server's own frames allow. */
  static final int PER_SECOND = 256;

  /**
   * Clients acknowledge a frame with two updates of windows at most, and ask a ping now and then.
   */
  private static final int PER_FRAME_SENT = 8;

  /** A frame of settings may hold thousands of them. */
  private static final int SETTINGS_PER_CREDIT = 64;

  private final LongSupplier nanoTime;
  private long credit = BURST;
  private long refilledNanos;

  FloodBudget(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.refilledNanos = nanoTime.getAsLong();
  }

  /**
   * Counts a frame of the client.
   *
   * @return false if it is one too many
   */
  boolean allows(int type, int flags, int length) {
    credit -= cost(type, flags, length);
    return credit >= 0 || refill();
  }

  /** Counts a frame of the server. */
  void sent(int type, int flags) {
    if (isResponse(type, flags)) {
      credit = Math.min(BURST, credit + PER_FRAME_SENT);
    }
  }

  private boolean refill() {
    long now = nanoTime.getAsLong();
    long earned = TimeUnit.NANOSECONDS.toMillis(now - refilledNanos) * PER_SECOND / 1000;
    refilledNanos = now;
    credit = Math.min(BURST, credit + earned);
    return credit >= 0;
  }

  /** Requests and what belongs to them have limits of their own, unless they carry nothing. */
  private static int cost(int type, int flags, int length) {
    return switch (type) {
      case FrameScanner.HEADERS -> 0;
      case FrameScanner.DATA ->
          (flags & FrameScanner.END_STREAM) == 0
                  && (length == 0 || (flags & FrameScanner.PADDED) != 0)
              ? 1
              : 0;
      case FrameScanner.CONTINUATION -> length == 0 ? 1 : 0;
      case FrameScanner.SETTINGS -> 1 + length / SETTINGS_PER_CREDIT;
      default -> 1;
    };
  }

  private static boolean isResponse(int type, int flags) {
    return switch (type) {
      case FrameScanner.HEADERS, FrameScanner.DATA -> true;
      case FrameScanner.SETTINGS, FrameScanner.PING -> (flags & FrameScanner.ACK) == 0;
      default -> false;
    };
  }
}
