package org.tsnext.transport.http2;

import static org.tsnext.transport.TimeLimit.NEVER;
import static org.tsnext.transport.TimeLimit.isOver;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.tsnext.transport.UnsentOutput;

/**
 * Stands between the network, or TLS, and the codec of an HTTP/2 connection. Ends a connection that
 * floods, one that keeps its place without a request, and streams that do. A request that is
 * answered at once costs it a look at the headers of its frames. On the connection's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a failed write or close ends in channelInactive
public final class ConnectionGuard extends ChannelDuplexHandler {

  /** How long a client may still read why its connection ends. */
  private static final long LINGER_MILLIS = 500;

  private static final int GOAWAY = 7;
  private static final int GOAWAY_LENGTH = 8;

  private final ConnectionRules rules;
  private final FloodBudget budget;
  private final StreamWatch streams;
  private final FrameScanner inbound =
      new FrameScanner(
          FrameScanner.PREFACE,
          new FrameScanner.Listener() {
            @Override
            public void onFrame(int type, int flags, int stream, int length) {
              if (type != FrameScanner.CONTINUATION) {
                frames++;
              }
              flood |= !budget.allows(type, flags, length);
            }

            @Override
            public void onData(int stream, int bytes) {
              streams.received(stream, bytes);
            }
          });
  private final FrameScanner outbound =
      new FrameScanner(
          0,
          new FrameScanner.Listener() {
            @Override
            public void onFrame(int type, int flags, int stream, int length) {
              budget.sent(type, flags);
            }

            @Override
            public void onData(int stream, int bytes) {
              streams.sent(stream, bytes);
            }
          });

  private final UnsentOutput unsent = new UnsentOutput();
  private final LongConsumer onLook;
  private boolean flood;
  private boolean ending;
  private long frames;
  private long framesAtLook;
  private long lookedNanos;
  private long partialNanos = NEVER;
  private Future<?> nextLook;

  /** Begins with a connection whose client speaks HTTP/2, or is about to. */
  public ConnectionGuard(ConnectionRules rules) {
    this(rules, now -> {});
  }

  /**
   * Begins with a connection whose client speaks HTTP/2, or is about to.
   *
   * @param onLook looks after more of the connection, at times of the rules' clock
   */
  public ConnectionGuard(ConnectionRules rules, LongConsumer onLook) {
    this.rules = rules;
    this.onLook = onLook;
    this.budget = new FloodBudget(rules.nanoTime());
    this.lookedNanos = rules.nanoTime().getAsLong();
    this.streams = new StreamWatch(rules, lookedNanos);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    if (ctx.channel().isRegistered()) {
      scheduleLook(ctx);
    }
  }

  @Override
  public void channelRegistered(ChannelHandlerContext ctx) {
    scheduleLook(ctx);
    ctx.fireChannelRegistered();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (ending) {
      ReferenceCountUtil.release(message);
      return;
    }
    if (message instanceof ByteBuf bytes) {
      inbound.scan(bytes);
      if (flood) {
        bytes.release();
        rules.floods().happened();
        end(ctx, Http2Error.ENHANCE_YOUR_CALM);
        return;
      }
    }
    ctx.fireChannelRead(message);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (message instanceof ByteBuf bytes) {
      outbound.scan(bytes);
    }
    ctx.write(message, promise);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (nextLook != null) {
      nextLook.cancel(false);
    }
    ctx.fireChannelInactive();
  }

  private void scheduleLook(ChannelHandlerContext ctx) {
    if (nextLook == null) {
      scheduleNextLook(ctx);
    }
  }

  private void scheduleNextLook(ChannelHandlerContext ctx) {
    nextLook = ctx.executor().schedule(() -> look(ctx), rules.pauseNanos(), TimeUnit.NANOSECONDS);
  }

  private void look(ChannelHandlerContext ctx) {
    if (ending || !ctx.channel().isActive()) {
      return;
    }
    long now = rules.nanoTime().getAsLong();
    unsent.look(ctx.channel(), now);
    if (isOver(now, unsent.movedNanos(), rules.idleNanos())) {
      rules.slow().happened();
      UnsentOutput.abort(ctx.channel());
      return;
    }
    ChannelHandlerContext codec = ctx.pipeline().context(Http2ConnectionHandler.class);
    if (codec != null) {
      streams.look((Http2ConnectionHandler) codec.handler(), codec, lookedNanos, now);
    }
    onLook.accept(now);
    if (isPartialTooLong(now)) {
      rules.heads().happened();
      end(ctx, Http2Error.ENHANCE_YOUR_CALM);
    } else if (streams.isIdleTooLong(now)) {
      end(ctx, Http2Error.NO_ERROR);
    } else {
      framesAtLook = frames;
      lookedNanos = now;
      scheduleNextLook(ctx);
    }
  }

  /** Of a head that does not come to its end, however slowly it goes on. */
  private boolean isPartialTooLong(long now) {
    if (!inbound.isPartial() || frames != framesAtLook) {
      partialNanos = NEVER;
      return false;
    }
    if (partialNanos == NEVER) {
      partialNanos = lookedNanos;
    }
    return isOver(now, partialNanos, rules.readingNanos());
  }

  /**
   * Says good-bye and closes: a moment later at most, whether the client reads it or not. Requests
   * that still run are cancelled by the closing.
   */
  private void end(ChannelHandlerContext ctx, Http2Error reason) {
    ending = true;
    ByteBuf goodBye = Unpooled.buffer(17);
    goodBye.writeMedium(GOAWAY_LENGTH).writeByte(GOAWAY).writeByte(0).writeInt(0);
    goodBye.writeInt(streams.lastStream(ctx)).writeInt((int) reason.code());
    ctx.writeAndFlush(goodBye);
    ctx.executor().schedule(() -> ctx.close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
  }
}
