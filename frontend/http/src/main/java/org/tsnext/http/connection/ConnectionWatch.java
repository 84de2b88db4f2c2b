package org.tsnext.http.connection;

import static org.tsnext.transport.TimeLimit.NEVER;
import static org.tsnext.transport.TimeLimit.isOver;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.tsnext.transport.UnsentOutput;

/**
 * Ends a connection that keeps its place without using it: no request for too long, a head that
 * does not come to its end, a body that trickles, a response that is not read. A request costs it
 * an addition; one timer per connection looks a few times per limit whether anything has moved. The
 * first handler of a connection, so that it counts what comes from the network; removed where
 * HTTP/2 is spoken.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closing ends in channelInactive
final class ConnectionWatch extends ChannelInboundHandlerAdapter {

  /** Sent to the handlers behind when a body is too slow. */
  static final Object BODY_TOO_SLOW = new Object();

  /** Looks per limit; the limits are kept to a part of that. */
  private static final int LOOKS = 4;

  private static final long MAX_PAUSE_NANOS = Duration.ofSeconds(15).toNanos();

  /** Bytes per second, on average between two looks, below which a body trickles. */
  private static final long TRICKLE = 256;

  private final ConnectionTimeouts timeouts;
  private final UnsentOutput unsent = new UnsentOutput();
  private long bytes;
  private long bytesAtLook;
  private long bytesAtRest;
  private long headsAtLook;
  private long lookedNanos;
  private long restingNanos;
  private long partialNanos = NEVER;
  private long tricklingNanos = NEVER;
  private Future<?> nextLook;

  ConnectionWatch(ConnectionTimeouts timeouts) {
    this.timeouts = timeouts;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    restingNanos = timeouts.clock().nanoTime();
    lookedNanos = restingNanos;
    scheduleLook(ctx);
    ctx.fireChannelActive();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (message instanceof ByteBuf buffer) {
      bytes += buffer.readableBytes();
    }
    ctx.fireChannelRead(message);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    endLooks();
    ctx.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    endLooks();
  }

  private void endLooks() {
    if (nextLook != null) {
      nextLook.cancel(false);
    }
  }

  private void scheduleLook(ChannelHandlerContext ctx) {
    long pause = Math.min(MAX_PAUSE_NANOS, timeouts.shortestNanos() / LOOKS);
    nextLook = ctx.executor().schedule(() -> look(ctx), pause, TimeUnit.NANOSECONDS);
  }

  private void look(ChannelHandlerContext ctx) {
    if (!ctx.channel().isActive()) {
      return;
    }
    long now = timeouts.clock().nanoTime();
    ConnectionHandler http1 = ctx.pipeline().get(ConnectionHandler.class);
    unsent.look(ctx.channel(), now);
    if (http1 == null) {
      // A handshake of TLS has a limit of its own.
      rest(now, 0);
    } else if (isOver(now, unsent.movedNanos(), timeouts.idleNanos())) {
      http1.abort();
      return;
    } else if (http1.isResponding()) {
      rest(now, http1.heads());
      tricklingNanos = NEVER;
    } else if (http1.isReceiving()) {
      rest(now, http1.heads());
      lookAtBody(ctx, now);
    } else if (!unsent.isEmpty()) {
      rest(now, http1.heads());
    } else {
      lookAtHead(ctx, now, http1.heads());
    }
    bytesAtLook = bytes;
    lookedNanos = now;
    scheduleLook(ctx);
  }

  /** Nothing to complain of up to here. */
  private void rest(long now, long heads) {
    headsAtLook = heads;
    restingNanos = now;
    bytesAtRest = bytes;
    partialNanos = NEVER;
  }

  private void lookAtBody(ChannelHandlerContext ctx, long now) {
    if (tricklesTooLong(now)) {
      timeouts.bodies().happened();
      ctx.fireUserEventTriggered(BODY_TOO_SLOW);
    }
  }

  /** Whether too little has come for too long; if so, counting begins anew. */
  private boolean tricklesTooLong(long now) {
    long expected = TRICKLE * TimeUnit.NANOSECONDS.toMillis(now - lookedNanos) / 1000;
    if (bytes - bytesAtLook > expected) {
      tricklingNanos = NEVER;
    } else if (tricklingNanos == NEVER) {
      tricklingNanos = lookedNanos;
    }
    boolean over = isOver(now, tricklingNanos, timeouts.readingNanos());
    tricklingNanos = over ? NEVER : tricklingNanos;
    return over;
  }

  private void lookAtHead(ChannelHandlerContext ctx, long now, long heads) {
    tricklingNanos = NEVER;
    if (heads != headsAtLook) {
      rest(now, heads);
    } else if (bytes != bytesAtRest && partialNanos == NEVER) {
      partialNanos = lookedNanos;
    }
    if (isOver(now, partialNanos, timeouts.readingNanos())) {
      timeouts.heads().happened();
      ctx.channel().close();
    } else if (isOver(now, restingNanos, timeouts.idleNanos())) {
      ctx.channel().close();
    }
  }
}
