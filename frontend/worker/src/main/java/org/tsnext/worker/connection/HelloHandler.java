package org.tsnext.worker.connection;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Scheduler;
import org.tsnext.worker.protocol.ProtocolErrors;
import org.tsnext.worker.protocol.WorkerMessage.Hello;
import org.tsnext.worker.protocol.WorkerMessage.Response;

/**
 * Guards a connection until it has shown that it belongs to a worker. One that does not is logged
 * and disconnected, and learns nothing.
 */
public final class HelloHandler extends ChannelInboundHandlerAdapter {

  /** From the connection to a whole HELLO. */
  public static final Duration TIMEOUT = Duration.ofSeconds(30);

  /** Connections that may be without an accepted HELLO at one time. */
  public static final int MAX_STRANGERS = 256;

  private static final Logger LOG = LoggerFactory.getLogger(HelloHandler.class);

  private final Gate gate;
  private final Scheduler scheduler;
  private final AtomicInteger strangers;
  private ChannelHandlerContext context;
  private Scheduler.Scheduled timeout;
  private boolean asked;
  private boolean closed;

  /** Decides about connections. */
  public interface Gate {
    /**
     * Compares a HELLO with the workers that are awaited. Called on the channel's event loop; the
     * response is a call of {@link #accept} or {@link #refuse} from any thread.
     */
    void hello(Hello hello, HelloHandler connection);
  }

  /**
   * @param strangers counts the connections without an accepted HELLO, of all handlers
   */
  HelloHandler(Gate gate, Scheduler scheduler, AtomicInteger strangers) {
    this.gate = gate;
    this.scheduler = scheduler;
    this.strangers = strangers;
  }

  public Channel channel() {
    return context.channel();
  }

  /** The connection belongs to {@code connection}'s worker from now on. */
  public void accept(WorkerConnection connection) {
    context
        .executor()
        .execute(
            () -> {
              if (closed || !context.channel().isActive()) {
                // Its end was reported to this handler, so the next one would wait for it in vain.
                connection.openedTooLate();
              } else {
                context.pipeline().replace(this, "worker", connection);
              }
            });
  }

  /** The connection is the second one of a worker from now on. */
  public void accept(ControlConnection connection) {
    context
        .executor()
        .execute(
            () -> {
              if (!closed && context.channel().isActive()) {
                context.pipeline().replace(this, "control", connection);
              }
            });
  }

  /** Logs the reason and closes the connection. */
  public void refuse(String reason) {
    context.executor().execute(() -> close(reason));
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    int others = strangers.getAndIncrement();
    if (others >= MAX_STRANGERS) {
      close(others + " other connections have not sent HELLO yet");
      return;
    }
    timeout =
        scheduler.schedule(TIMEOUT, () -> refuse("no HELLO within " + TIMEOUT.toSeconds() + " s"));
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    closed = true;
    strangers.decrementAndGet();
    if (timeout != null) {
      timeout.cancel();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (message instanceof Hello hello && !asked && !closed) {
      asked = true;
      gate.hello(hello, this);
      return;
    }
    if (message instanceof Response response) {
      response.body().release();
    }
    close(message.getClass().getSimpleName() + " before the HELLO was accepted");
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    close(ProtocolErrors.describe(cause));
  }

  private void close(String reason) {
    if (!closed) {
      closed = true;
      LOG.warn("Connection to the workers' socket refused: {}", reason);
      var unused = context.close();
    }
  }
}
