package org.tsnext.transport;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;

/**
 * What a connection has been given to send and the system has not taken yet, because the client
 * does not read; and since when none of it has left. On the event loop.
 */
public final class UnsentOutput {

  private long bytes;
  private Object first;
  private long sentOfFirst;
  private long movedNanos;

  /** Bytes that wait. */
  public static long bytes(Channel channel) {
    ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
    return buffer == null ? 0 : buffer.totalPendingWriteBytes();
  }

  /**
   * Breaks a connection off at once, without the close_notify of TLS, which would wait behind it:
   * no client can take that for the end of an answer. Any thread.
   */
  @SuppressWarnings("FutureReturnValueIgnored") // closing ends in channelInactive
  public static void abort(Channel channel) {
    ChannelHandlerContext first = channel.pipeline().firstContext();
    if (first != null) {
      first.close();
    } else {
      channel.close();
    }
  }

  /** Looks whether anything has left since the last look, or was written. */
  public void look(Channel channel, long now) {
    ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
    long waiting = bytes(channel);
    Object current = buffer == null ? null : buffer.current();
    long sent = buffer == null ? 0 : buffer.currentProgress();
    if (waiting == 0 || waiting != bytes || current != first || sent != sentOfFirst) {
      movedNanos = now;
    }
    bytes = waiting;
    first = waiting == 0 ? null : current;
    sentOfFirst = sent;
  }

  /** Whether nothing waited at the last look. */
  public boolean isEmpty() {
    return bytes == 0;
  }

  /** Since when nothing of it has moved; now while there is nothing. */
  public long movedNanos() {
    return movedNanos;
  }
}
