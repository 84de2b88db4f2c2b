package org.tsnext.transport.http2;

import io.netty.buffer.ByteBuf;

/**
 * Finds the frames in one direction of an HTTP/2 connection, however they are cut, and reads their
 * headers. It holds no bytes and checks nothing: that is the codec's work. One thread.
 */
final class FrameScanner {

  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int CONTINUATION = 9;

  static final int ACK = 1;
  static final int END_STREAM = 1;
  static final int END_HEADERS = 4;
  static final int PADDED = 8;

  /** Bytes with which a client begins. */
  static final int PREFACE = 24;

  private static final int HEADER = 9;

  /** Hears of the frames, in their order. */
  interface Listener {

    /**
     * A frame begins.
     *
     * @param length bytes of its payload, as the peer says
     */
    void onFrame(int type, int flags, int stream, int length);

    /** Bytes of the payload of a DATA frame have come. */
    void onData(int stream, int bytes);
  }

  private final Listener listener;
  private final byte[] header = new byte[HEADER];
  private int headerBytes;

  /** Bytes of the preface or of a payload that are still to come. */
  private int missing;

  private boolean begun;
  private int dataStream = -1;
  private boolean inHeaderBlock;

  /**
   * @param preface bytes before the first frame
   */
  FrameScanner(int preface, Listener listener) {
    this.missing = preface;
    this.listener = listener;
  }

  /**
   * Whether something other than DATA has begun and not ended: the preface, a frame, or the header
   * block of a request.
   */
  boolean isPartial() {
    return begun && (inHeaderBlock || headerBytes > 0 || (missing > 0 && dataStream < 0));
  }

  /** Looks at bytes without reading them. */
  void scan(ByteBuf bytes) {
    int index = bytes.readerIndex();
    int end = bytes.writerIndex();
    begun |= index < end;
    while (index < end) {
      if (missing > 0) {
        int some = Math.min(missing, end - index);
        missing -= some;
        index += some;
        if (dataStream >= 0) {
          listener.onData(dataStream, some);
        }
      } else if (headerBytes == 0 && end - index >= HEADER) {
        begin(
            bytes.getUnsignedMedium(index),
            bytes.getUnsignedByte(index + 3),
            bytes.getUnsignedByte(index + 4),
            bytes.getInt(index + 5));
        index += HEADER;
      } else {
        index += piece(bytes, index, end);
      }
    }
  }

  /** A frame's header that came in pieces. */
  private int piece(ByteBuf bytes, int index, int end) {
    int some = Math.min(HEADER - headerBytes, end - index);
    bytes.getBytes(index, header, headerBytes, some);
    headerBytes += some;
    if (headerBytes == HEADER) {
      headerBytes = 0;
      begin(
          unsigned(0) << 16 | unsigned(1) << 8 | unsigned(2),
          unsigned(3),
          unsigned(4),
          unsigned(5) << 24 | unsigned(6) << 16 | unsigned(7) << 8 | unsigned(8));
    }
    return some;
  }

  private int unsigned(int index) {
    return header[index] & 0xff;
  }

  private void begin(int length, int type, int flags, int id) {
    int stream = id & Integer.MAX_VALUE;
    missing = length;
    dataStream = type == DATA ? stream : -1;
    if (type == HEADERS || type == CONTINUATION) {
      inHeaderBlock = (flags & END_HEADERS) == 0;
    }
    listener.onFrame(type, flags, stream, length);
  }
}
