package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.transport.BodyRoom;
import org.tsnext.transport.UnsentOutput;

/**
 * Keeps the turns of a connection: one request is answered at a time, what a client sends ahead is
 * held back (and beyond a limit left in the socket). Reading goes on meanwhile, because that is how
 * a client that goes away is noticed. Ends connections without a reset: half-closes, drains for a
 * bounded time, closes.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a failed write or close ends in channelInactive
public final class ConnectionHandler extends ChannelInboundHandlerAdapter {

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionHandler.class);

  private static final int MAX_HELD_BYTES = 256 * 1024;
  private static final int MAX_HELD_OBJECTS = 4096;
  private static final int LINGER_SECONDS = 2;
  private static final long LINGER_BYTES = 64L << 20;

  /**
   * How long a connection without a request stays when the server goes. A client that sends one
   * after the other may have sent the next one already, and would not know what became of it.
   */
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(1);

  private enum State {
    OPEN,
    /** The last answer was written; what still comes in is thrown away. */
    LINGERING,
    CLOSED
  }

  private final ServerContext server;
  private final Queue<Object> held = new ArrayDeque<>();
  private final BodyRoom heldRoom;
  private long heldBytes;
  private State state = State.OPEN;
  private ChannelHandlerContext context;
  private String remote = "";
  private Exchange current;
  private boolean receiving;
  private long heads;
  private boolean forwarding;
  private boolean inRead;
  private boolean flushPending;
  private long drainedBytes;
  private long restingNanos;
  private Future<?> endOfLinger;

  ConnectionHandler(ServerContext server) {
    this.server = server;
    this.heldRoom = server.bodies().memory().begin(0);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    remote = RemoteAddress.of(ctx.channel());
    restingNanos = server.clock().nanoTime();
  }

  /** HTTP/2 takes the connection over: a drain that waits is none of it. */
  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    closed();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    inRead = true;
    if (state != State.OPEN) {
      drop(message);
      return;
    }
    if (held.isEmpty() && hasTurn()) {
      ctx.fireChannelRead(message);
    } else {
      held.add(message);
      heldBytes += bytes(message);
    }
    forwardHeld();
    if (!heldRoom.grow(heldBytes) || heldBytes > MAX_HELD_BYTES || held.size() > MAX_HELD_OBJECTS) {
      ctx.channel().config().setAutoRead(false);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    inRead = false;
    if (flushPending) {
      flushPending = false;
      ctx.flush();
    }
    ctx.fireChannelReadComplete();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    forwardHeld();
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    closed();
    if (endOfLinger != null) {
      endOfLinger.cancel(false);
    }
    Exchange withoutResponse = current;
    current = null;
    if (withoutResponse != null) {
      withoutResponse.clientGone();
    }
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof IOException || cause.getCause() instanceof SSLException) {
      LOG.debug("Connection of {} broke: {}", remote, cause.toString());
      ctx.close();
      return;
    }
    ctx.fireExceptionCaught(cause);
  }

  /** Answers the request that has the turn with an error, if there is one, and closes. */
  void fail(Throwable cause) {
    LOG.error("Failure on the connection of {}", remote, cause);
    if (state == State.CLOSED) {
      return; // the exchange ends with the connection
    }
    if (current == null) {
      context.close();
      return;
    }
    current.closeAfterwards();
    try {
      current.fail(ServingException.ofServer(cause));
    } catch (Throwable again) {
      LOG.error("That could not be answered", again);
      abort();
    }
  }

  /** A request starts to come in; the connection is not idle until it has been answered. */
  void receiving() {
    receiving = true;
    heads++;
  }

  /** Whether the head of a request is here, and its body is not. On the event loop. */
  boolean isReceiving() {
    return receiving;
  }

  /** Whether the client has to wait for us, rather than we for it. On the event loop. */
  boolean isResponding() {
    return current != null || !held.isEmpty() || state != State.OPEN;
  }

  /** How many heads have come. On the event loop. */
  long heads() {
    return heads;
  }

  /** From now on this exchange has the turn. */
  void begin(Exchange exchange) {
    receiving = false;
    current = exchange;
  }

  /**
   * The exchange has been answered, or its stream was cut; the next one may begin.
   *
   * @param keepAlive what the client was told. Where the server has begun to go since, the client
   *     may have sent the next request already, so the connection ends as an idle one does.
   */
  void ended(Exchange exchange, boolean keepAlive) {
    if (current == exchange) {
      current = null;
    }
    if (state != State.OPEN) {
      return;
    }
    restingNanos = server.clock().nanoTime();
    if (!keepAlive) {
      closeGracefully();
      return;
    }
    forwardHeld();
    if (server.draining().getAsBoolean()) {
      drain();
    }
  }

  /**
   * Closes once there has been no request for a moment. Where one is in flight, or comes yet,
   * {@link #ended} closes. Any thread.
   */
  public void drain() {
    EventLoop loop = loop();
    if (!loop.inEventLoop()) {
      loop.execute(this::drain);
      return;
    }
    if (state != State.OPEN || current != null || receiving || !held.isEmpty()) {
      return;
    }
    long left = restingNanos + QUIET_NANOS - server.clock().nanoTime();
    if (left > 0) {
      loop.schedule(this::drain, left, TimeUnit.NANOSECONDS);
    } else if (UnsentOutput.bytes(context.channel()) > 0) {
      closeGracefully();
    } else {
      context.close();
    }
  }

  /** Breaks the connection off at once, so that the client sees an unfinished answer. */
  void abort() {
    closed();
    UnsentOutput.abort(context.channel());
  }

  void write(ByteBuf bytes) {
    context.write(bytes, context.voidPromise());
  }

  /** Flushes now, or once at the end of the current read. */
  void flush() {
    if (inRead) {
      flushPending = true;
    } else {
      context.flush();
    }
  }

  Channel channel() {
    return context.channel();
  }

  EventLoop loop() {
    return context.channel().eventLoop();
  }

  ChannelHandlerContext context() {
    return context;
  }

  ServerContext server() {
    return server;
  }

  String remote() {
    return remote;
  }

  /** Whether a message may be handed on: no request is being answered, and the client reads. */
  private boolean hasTurn() {
    return state == State.OPEN && current == null && context.channel().isWritable();
  }

  /** Hands on what may be handed on. Re-entered from {@link #ended}, hence the flag. */
  private void forwardHeld() {
    if (forwarding) {
      return;
    }
    forwarding = true;
    try {
      while (hasTurn()) {
        Object next = held.poll();
        if (next == null) {
          break;
        }
        heldBytes -= bytes(next);
        context.fireChannelRead(next);
      }
    } finally {
      forwarding = false;
    }
    if (held.isEmpty()) {
      heldRoom.release();
    }
    if (held.isEmpty() && state == State.OPEN && !context.channel().config().isAutoRead()) {
      context.channel().config().setAutoRead(true);
    }
  }

  private void closeGracefully() {
    state = State.LINGERING;
    releaseHeld();
    Channel channel = context.channel();
    // Without the decoder, which may refuse what comes, the rest arrives as plain buffers.
    channel.pipeline().remove(RequestDecoder.class);
    channel.config().setAutoRead(true);
    context
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            written -> {
              if (written.isSuccess() && channel instanceof DuplexChannel duplex) {
                endOutput(duplex);
              } else {
                channel.close();
              }
            });
  }

  private void endOutput(DuplexChannel channel) {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls == null) {
      channel.shutdownOutput();
    } else {
      tls.closeOutbound().addListener(said -> channel.shutdownOutput());
    }
    endOfLinger = loop().schedule(() -> channel.close(), LINGER_SECONDS, TimeUnit.SECONDS);
  }

  private void drop(Object message) {
    drainedBytes += bytes(message);
    ReferenceCountUtil.release(message);
    if (drainedBytes > LINGER_BYTES) {
      context.close();
    }
  }

  private void closed() {
    state = State.CLOSED;
    releaseHeld();
  }

  private void releaseHeld() {
    Object message = held.poll();
    while (message != null) {
      ReferenceCountUtil.release(message);
      message = held.poll();
    }
    heldBytes = 0;
    heldRoom.release();
  }

  /** What a message takes of the memory, about. */
  private static long bytes(Object message) {
    if (message instanceof HttpContent content) {
      return content.content().readableBytes();
    }
    if (message instanceof HttpRequest head) {
      return HeadSize.of(head);
    }
    return message instanceof ByteBuf buffer ? buffer.readableBytes() : 0;
  }
}
