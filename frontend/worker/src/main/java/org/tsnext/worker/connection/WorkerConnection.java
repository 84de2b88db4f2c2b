package org.tsnext.worker.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.CodecException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PredictBatch;
import org.tsnext.worker.protocol.ProtocolErrors;
import org.tsnext.worker.protocol.ProtocolException;
import org.tsnext.worker.protocol.WorkerMessage.Answer;
import org.tsnext.worker.protocol.WorkerMessage.Failed;
import org.tsnext.worker.protocol.WorkerMessage.Hello;
import org.tsnext.worker.protocol.WorkerMessage.ItemError;
import org.tsnext.worker.protocol.WorkerMessage.Loaded;
import org.tsnext.worker.protocol.WorkerMessage.Metric;
import org.tsnext.worker.protocol.WorkerMessage.Pong;
import org.tsnext.worker.protocol.WorkerMessage.Unusable;

/**
 * The accepted connection of one launch. From its opening on, all calls of the launch's listener
 * are made by this channel's event loop, and so in order.
 *
 * <p>Writing: any thread puts messages into a queue; the event loop encodes what is there and
 * flushes once, so that what was queued in one turn of a loop leaves in one system call. No thread
 * waits for a slow worker here: the core's window bounds what is queued.
 */
// Netty reports failed writes to exceptionCaught, and a failed close has no consequence.
@SuppressWarnings("FutureReturnValueIgnored")
public final class WorkerConnection extends ChannelInboundHandlerAdapter {

  /** How long an ended process's socket may stay open, say in the hands of its children. */
  public static final Duration END_OF_STREAM_LIMIT = Duration.ofSeconds(5);

  private static final Logger LOG = LoggerFactory.getLogger(WorkerConnection.class);

  private final Channel channel;
  private final String name;
  private final String address;
  private final Outgoing load;
  private final FrameEncoder encoder;
  private final WorkerListener listener;
  private final Scheduler scheduler;
  private final Runnable whenLost;
  private final Queue<Outgoing> queue = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean drainScheduled = new AtomicBoolean();
  private final List<ByteBuf> frames = new ArrayList<>();
  private State state = State.LOADING;
  private boolean finished;
  private String closeReason = "closed by the worker";
  private ExitStatus exit;

  /** What the worker may say. */
  private enum State {
    /** LOADED or FAILED. */
    LOADING,
    /** Answers. */
    LOADED,
    /** Nothing but metrics. */
    FAILED,
    /** The channel is closed. */
    CLOSED
  }

  /**
   * @param name of the worker, for the log
   * @param address as the listener is told
   * @param load the load order, written at once
   * @param whenLost called after {@link WorkerListener#disconnected}
   */
  public WorkerConnection(
      Channel channel,
      String name,
      String address,
      Outgoing load,
      FrameLimits limits,
      WorkerListener listener,
      Scheduler scheduler,
      Runnable whenLost) {
    this.channel = channel;
    this.name = name;
    this.address = address;
    this.load = load;
    this.encoder = new FrameEncoder(limits, channel.alloc());
    this.listener = listener;
    this.scheduler = scheduler;
    this.whenLost = whenLost;
  }

  /** Queues a message, from any thread. It is released if the connection is closed. */
  public void send(Outgoing message) {
    queue.add(message);
    if (drainScheduled.compareAndSet(false, true)) {
      execute(this::drain);
    }
  }

  /**
   * Ends our side of the connection after what is queued is written; what is queued later is
   * released. The worker's side stays open for the answers it still has.
   */
  public void finish() {
    execute(
        () -> {
          drain();
          if (state != State.CLOSED && !finished) {
            finished = true;
            closeReason = "closed by the frontend";
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(done -> closeOutput());
          }
        });
  }

  /** Runs a task on the event loop that calls the listener; in order with all other calls. */
  public void execute(Runnable task) {
    try {
      channel.eventLoop().execute(task);
    } catch (RejectedExecutionException e) {
      // The event loops are being shut down: there is no listener any more.
      for (Outgoing message = queue.poll(); message != null; message = queue.poll()) {
        message.release();
      }
    }
  }

  /**
   * The process is gone. The listener learns it when all that the process wrote is read, which is
   * when the channel ends, or after a limit.
   */
  public void processExited(ExitStatus status) {
    execute(
        () -> {
          exit = status;
          if (state == State.CLOSED) {
            listener.exited(status);
          } else {
            closeLater();
          }
        });
  }

  /** The worker was gone before it was accepted. Called on the event loop. */
  void openedTooLate() {
    listener.connected(address);
    closed();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    listener.connected(address);
    if (write(load)) {
      channel.flush();
    } else {
      close("its load order is too large");
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws ProtocolException {
    if (message instanceof Answer answer) {
      answer(answer);
    } else if (message instanceof ItemError error) {
      expect(State.LOADED, message);
      listener.error(error.batch(), error.item(), error.error());
    } else if (message instanceof Metric metric) {
      listener.metric(metric.sample());
    } else if (message instanceof Pong pong) {
      expect(State.LOADED, message);
      listener.pong(pong.token());
    } else if (message instanceof Unusable unusable) {
      expect(State.LOADED, message);
      listener.unusable(unusable.reason());
    } else if (message instanceof Loaded loaded) {
      expect(State.LOADING, message);
      state = State.LOADED;
      listener.loaded(loaded.took());
    } else if (message instanceof Failed failed) {
      expect(State.LOADING, message);
      state = State.FAILED;
      listener.loadFailed(failed.failure());
    } else if (message instanceof Hello) {
      throw new ProtocolException("a second HELLO");
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    closed();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof IOException) {
      // Writing failed. What the worker wrote before it went may still be there to be read; the
      // end of that closes the channel.
      closeReason = cause.toString();
      closeLater();
      return;
    }
    if (cause instanceof RuntimeException && !isFromCodec(cause)) {
      LOG.error("{}: unexpected fault, closing its connection", name, cause);
    }
    close(ProtocolErrors.describe(cause));
  }

  private void answer(Answer answer) throws ProtocolException {
    if (state != State.LOADED) {
      answer.body().release();
      expect(State.LOADED, answer);
    }
    if (answer.last()) {
      listener.response(answer.batch(), answer.item(), answer.head(), answer.body());
    } else {
      listener.chunk(answer.batch(), answer.item(), answer.head(), answer.body());
    }
  }

  private void expect(State expected, Object message) throws ProtocolException {
    if (state != expected) {
      throw new ProtocolException(
          "%s while %s, expected only while %s"
              .formatted(message.getClass().getSimpleName(), state, expected));
    }
  }

  private void drain() {
    // Before the first poll: what is queued after the last one schedules another turn.
    drainScheduled.set(false);
    boolean written = false;
    for (Outgoing message = queue.poll(); message != null; message = queue.poll()) {
      if (state == State.CLOSED || finished) {
        message.release();
      } else {
        written |= write(message);
      }
    }
    if (written) {
      channel.flush();
    }
  }

  private boolean write(Outgoing message) {
    try {
      encoder.encode(message, frames);
    } catch (ProtocolException e) {
      LOG.warn("{}: cannot be sent: {}", name, e.getMessage());
      if (message instanceof PredictBatch batch) {
        listener.error(
            batch.id(),
            -1,
            new HandlerError(400, "The request cannot be passed to a worker", e.getMessage(), ""));
      }
      return false;
    }
    for (ByteBuf frame : frames) {
      channel.write(frame, channel.voidPromise());
    }
    frames.clear();
    return true;
  }

  private void closed() {
    state = State.CLOSED;
    drain();
    try {
      listener.disconnected(closeReason);
    } finally {
      whenLost.run();
      if (exit != null) {
        listener.exited(exit);
      }
    }
  }

  private void close(String reason) {
    if (channel.isOpen()) {
      closeReason = reason;
      LOG.warn("{}: closing its connection: {}", name, reason);
      channel.close();
    }
  }

  private void closeLater() {
    scheduler.schedule(END_OF_STREAM_LIMIT, channel::close);
  }

  private void closeOutput() {
    if (channel instanceof DuplexChannel duplex) {
      duplex.shutdownOutput();
    } else {
      channel.close();
    }
  }

  private static boolean isFromCodec(Throwable cause) {
    return cause instanceof CodecException;
  }
}
