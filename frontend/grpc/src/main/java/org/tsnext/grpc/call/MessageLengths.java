package org.tsnext.grpc.call;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.Queue;
import org.tsnext.transport.BodyMemory;

/**
 * Reads from the bytes of a call how long its messages are, before they are there: gRPC itself does
 * not say so. Of those it keeps only which are large, and those have to fit into what a connection
 * may send ahead. One thread.
 */
final class MessageLengths {

  /** Before each message: whether it is compressed, and its length. */
  private static final int PREFIX = 5;

  private final Queue<Integer> large = new ArrayDeque<>(0);
  private int number;
  private int prefixBytes;
  private int length;
  private long missing;

  /** Looks at bytes, in their order, without reading them. */
  void comes(ByteBuf bytes) {
    int index = bytes.readerIndex();
    int end = bytes.writerIndex();
    while (index < end) {
      if (missing > 0) {
        int some = (int) Math.min(missing, end - index);
        missing -= some;
        index += some;
      } else {
        length = length << 8 | bytes.getUnsignedByte(index++);
        prefixBytes++;
        if (prefixBytes == PREFIX) {
          begin();
        }
      }
    }
  }

  /** The first byte of the prefix has left the length by then. */
  private void begin() {
    missing = Integer.toUnsignedLong(length);
    if (missing > BodyMemory.MAX_SMALL) {
      large.add(number);
    }
    number++;
    prefixBytes = 0;
    length = 0;
  }

  /** Whether a message, by its number from 0 on, is a large one. Asked once, in their order. */
  boolean isLarge(int message) {
    Integer next = large.peek();
    if (next != null && next == message) {
      large.remove();
      return true;
    }
    return false;
  }
}
