package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import org.tsnext.transport.BodyRoom;

/**
 * Gathers the pieces of a body without copying them, except small ones: each piece pins the whole
 * receive buffer it was cut from, so a client that sends byte by byte could otherwise hold many
 * times the memory it pays for.
 */
final class BodyCollector {

  private static final int SMALL = 2048;
  private static final int TAIL_CAPACITY = 16 * 1024;

  private final ByteBufAllocator allocator;
  private final BodyRoom room;
  private ByteBuf single;
  private CompositeByteBuf pieces;
  private ByteBuf tail;
  private long size;

  /**
   * @param room grows with the body
   */
  BodyCollector(ByteBufAllocator allocator, BodyRoom room) {
    this.allocator = allocator;
    this.room = room;
  }

  long size() {
    return size;
  }

  /** Whether the body would be a large one with a piece that found no room. */
  boolean isLargeWith(ByteBuf piece) {
    return room.isLarge(size + piece.readableBytes());
  }

  /** What the body takes of the memory; the new owner of the body releases it. */
  BodyRoom room() {
    return room;
  }

  /**
   * Adds a piece and takes it over.
   *
   * @return false if there is no room for it; then it is not added
   */
  boolean add(ByteBuf piece) {
    int length = piece.readableBytes();
    if (length == 0 || !room.grow(size + length)) {
      piece.release();
      return length == 0;
    }
    size += length;
    if (single == null && pieces == null) {
      single = piece;
      return true;
    }
    try {
      joinFirst();
    } catch (Throwable failure) { // out of memory
      piece.release();
      throw failure;
    }
    append(piece);
    return true;
  }

  private void joinFirst() {
    if (pieces == null) {
      pieces = allocator.compositeBuffer(Integer.MAX_VALUE);
      ByteBuf first = single;
      single = null;
      append(first);
    }
  }

  private void append(ByteBuf piece) {
    boolean small = piece.readableBytes() < SMALL;
    try {
      makeWayFor(piece.readableBytes(), small);
    } catch (Throwable failure) { // out of memory
      piece.release();
      throw failure;
    }
    if (small) {
      tail.writeBytes(piece);
      piece.release();
    } else {
      pieces.addFlattenedComponents(true, piece);
    }
  }

  private void makeWayFor(int length, boolean small) {
    if (!small || (tail != null && tail.writableBytes() < length)) {
      flushTail();
    }
    if (small && tail == null) {
      tail = allocator.buffer(TAIL_CAPACITY, TAIL_CAPACITY);
    }
  }

  private void flushTail() {
    if (tail != null) {
      ByteBuf full = tail;
      tail = null;
      pieces.addComponent(true, full);
    }
  }

  /** The whole body, now the caller's to release. */
  ByteBuf take() {
    if (pieces != null) {
      flushTail();
    }
    ByteBuf whole = pieces != null ? pieces : single != null ? single : Unpooled.EMPTY_BUFFER;
    clear();
    return whole;
  }

  /** Drops what was gathered. */
  void release() {
    room.release();
    for (ByteBuf part : Arrays.asList(single, pieces, tail)) {
      if (part != null) {
        part.release();
      }
    }
    clear();
  }

  private void clear() {
    single = null;
    pieces = null;
    tail = null;
    size = 0;
  }
}
