package org.tsnext.worker.protocol;

/**
 * Sizes that a receiver checks before it allocates anything.
 *
 * @param frame largest value of a frame's length field
 * @param request {@code max_request_size} in bytes
 * @param response {@code max_response_size} in bytes
 */
public record FrameLimits(int frame, int request, int response) {

  /** Length, type, flags, item, id. */
  static final int HEADER = 12;

  /** The part of the header that the length field counts. */
  public static final int COUNTED_HEADER = 8;

  /** The total in front of the first part of a message that was cut. */
  static final int TOTAL = 4;

  static final int DEFAULT_FRAME = 524_288;

  /** Item number that means every request of the batch. */
  static final int EVERY_ITEM = 0xFFFF;

  static final int MAX_ITEMS = 4096;
  static final int MAX_HEADERS = 1024;
  static final int MAX_PARTS = 1024;
  static final int MAX_DIMENSIONS = 1024;

  private static final int KIB = 1024;
  private static final int MIB = 1024 * KIB;

  public FrameLimits {
    if (frame <= COUNTED_HEADER + TOTAL) {
      throw new IllegalArgumentException(
          "frame limit " + frame + ", expected more than " + (COUNTED_HEADER + TOTAL));
    }
  }

  public static FrameLimits of(int maxRequestSize, int maxResponseSize) {
    return new FrameLimits(DEFAULT_FRAME, maxRequestSize, maxResponseSize);
  }

  /** The largest body of a message, in bytes. */
  public long message(FrameType type) {
    return switch (type) {
      case HELLO -> 4 * KIB;
      case PREDICT -> (long) request + MIB;
      case RESPONSE, CHUNK -> (long) response + MIB;
      case METRIC -> 64 * KIB;
      case HANDLED -> 2 * Long.BYTES;
      case CANCEL, PING, PONG, SHUTDOWN, RELEASE, WITHDRAW, WITHDRAWN, BEGUN -> 0;
      case LOAD,
          LOADED,
          FAILED,
          ERROR,
          UNUSABLE,
          SPAWN,
          SIGNAL,
          READY,
          SPAWNED,
          EXITED,
          OUTPUT,
          ZYGOTE_EXITED,
          IMPORTED ->
          MIB;
    };
  }

  /** The most bytes of body in one frame. */
  int frameBody() {
    return frame - COUNTED_HEADER;
  }

  /** The most frames of a message: tiny frames must not cost much more than their content. */
  static long frames(long total) {
    return 16 + total / 65_536;
  }
}
