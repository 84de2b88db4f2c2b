package org.tsnext.worker.connection;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.CodecException;
import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PredictBatch;
import org.tsnext.worker.protocol.ProtocolErrors;
import org.tsnext.worker.protocol.ProtocolException;
import org.tsnext.worker.protocol.WorkerMessage.Failed;
import org.tsnext.worker.protocol.WorkerMessage.Handled;
import org.tsnext.worker.protocol.WorkerMessage.Hello;
import org.tsnext.worker.protocol.WorkerMessage.ItemError;
import org.tsnext.worker.protocol.WorkerMessage.Loaded;
import org.tsnext.worker.protocol.WorkerMessage.Metric;
import org.tsnext.worker.protocol.WorkerMessage.Pong;
import org.tsnext.worker.protocol.WorkerMessage.Response;
import org.tsnext.worker.protocol.WorkerMessage.Unusable;
import org.tsnext.worker.protocol.WorkerMessage.Withdrawal;

/**
 * The accepted connection of one worker. From its opening on, all calls of the worker's listener
 * are made by this channel's event loop, and so in order.
 *
 * <p>Writing: any thread puts messages into a queue; the event loop encodes what is there and
 * flushes once, so that what was queued in one turn of a loop leaves in one system call. No thread
 * waits for a slow worker here: the core's window bounds what is queued. A message leaves whole or
 * not at all; where that is in doubt, the connection is closed, and the worker counts as lost.
 */
// Netty reports failed writes to exceptionCaught, and a failed close has no consequence.
@SuppressWarnings("FutureReturnValueIgnored")
public final class WorkerConnection extends ChannelInboundHandlerAdapter {

  /** How long an ended process's socket may stay open, say in the hands of its children. */
  public static final Duration END_OF_STREAM_LIMIT = Duration.ofSeconds(5);

  /** Until a CANCEL or PING is tried again for which there was no memory. */
  public static final Duration RETRY = Duration.ofMillis(500);

  private static final Logger LOG = LoggerFactory.getLogger(WorkerConnection.class);

  private final Channel channel;
  private final String name;
  private final String address;
  private final Outgoing load;
  private final MessageWriter writer;
  private final WorkerListener listener;
  private final Scheduler scheduler;
  private final Runnable whenLost;
  private final Queue<Outgoing> queue = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean drainScheduled = new AtomicBoolean();
  private final Runnable drain = this::drain;
  private State state = State.LOADING;
  private boolean finished;
  private String closeReason = "closed by the worker";
  private ExitStatus exit;

  /** What the worker may say. */
  private enum State {
    /** LOADED or FAILED. */
    LOADING,
    /** Responses. */
    LOADED,
    /** Nothing but metrics. */
    FAILED,
    /** The channel is closed. */
    CLOSED
  }

  /**
   * The worker at the other end.
   *
   * @param name of the worker, for the log
   * @param address as the listener is told
   */
  public record Peer(String name, String address) {}

  /**
   * @param load the LOAD message, written at once
   * @param whenLost called after {@link WorkerListener#disconnected}
   */
  public WorkerConnection(
      Channel channel,
      Peer peer,
      Outgoing load,
      FrameLimits limits,
      WorkerListener listener,
      Scheduler scheduler,
      Runnable whenLost) {
    this.channel = channel;
    this.name = peer.name();
    this.address = peer.address();
    this.load = load;
    this.writer = new MessageWriter(channel, limits);
    this.listener = listener;
    this.scheduler = scheduler;
    this.whenLost = whenLost;
  }

  /**
   * Queues a message, from any thread. It is released if the connection is closed. If this throws
   * anything, say for want of memory, the message is released and will not be sent.
   */
  public void send(Outgoing message) {
    boolean queued = false;
    try {
      queue.add(message);
      queued = true;
      if (drainScheduled.compareAndSet(false, true)) {
        execute(drain);
      }
    } catch (Throwable e) {
      // Without a turn of the event loop; the next message asks for one again.
      drainScheduled.set(false);
      if (!queued || queue.remove(message)) {
        message.release();
        throw e;
      }
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
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws ProtocolException {
    if (message instanceof Response response) {
      deliver(response);
    } else if (message instanceof ItemError error) {
      expect(State.LOADED, message);
      listener.error(error.batch(), error.item(), error.error());
    } else if (message instanceof Handled handled) {
      expect(State.LOADED, message);
      listener.handled(handled.batch(), handled.item(), handled.time());
    } else if (message instanceof Metric metric) {
      listener.metric(metric.sample());
    } else if (message instanceof Pong pong) {
      expect(State.LOADED, message);
      listener.pong(pong.token());
    } else if (message instanceof Withdrawal withdrawal) {
      expect(State.LOADED, message);
      listener.withdrawal(withdrawal.batch(), withdrawal.given());
    } else if (message instanceof Unusable unusable) {
      expect(State.LOADED, message);
      listener.unusable(unusable.reason());
    } else if (message instanceof Loaded loaded) {
      expect(State.LOADING, message);
      state = State.LOADED;
      if (!loaded.imported().isEmpty()) {
        listener.imported(loaded.imported());
      }
      if (!loaded.rankPids().isEmpty()) {
        listener.ranks(loaded.rankPids());
      }
      listener.openAiRoutes(loaded.openAiRoutes());
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
    if (writer.refused(cause) || !channel.isOpen()) {
      return;
    }
    if (cause instanceof IOException) {
      // Writing failed. What the worker wrote before it went may still be there to be read; the
      // end of that closes the channel.
      closeReason = cause.toString();
      closeLater();
      return;
    }
    close(ProtocolErrors.describe(cause));
    if ((cause instanceof RuntimeException && !isFromCodec(cause)) || cause instanceof Error) {
      LOG.error("{}: unexpected fault, its connection is closed", name, cause);
    }
  }

  private void deliver(Response response) throws ProtocolException {
    if (state != State.LOADED) {
      response.body().release();
      expect(State.LOADED, response);
    }
    if (response.last()) {
      listener.response(response.batch(), response.item(), response.head(), response.body());
    } else {
      listener.chunk(response.batch(), response.item(), response.head(), response.body());
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
    try {
      for (Outgoing message = queue.poll(); message != null; message = queue.poll()) {
        if (state == State.CLOSED || finished || !channel.isOpen()) {
          message.release();
        } else {
          written |= write(message);
        }
      }
    } catch (Throwable e) {
      // Else what is still queued would wait until something else is sent.
      close("what is to be sent cannot be handled: " + e);
    }
    if (written) {
      channel.flush();
    }
  }

  /** Writes a message whole or not at all; returns whether there is something to flush. */
  private boolean write(Outgoing message) {
    Throwable refusal;
    try {
      refusal = writer.write(message);
    } catch (ProtocolException e) {
      String text = "The request cannot be passed to a worker";
      ServingException why = ServingException.ofHandler(400, text).withDetail(e.getMessage());
      notWritten(message, e.getMessage(), why);
      return false;
    } catch (Throwable e) {
      String text = "The request could not be sent to its worker: " + e;
      notWritten(message, e.toString(), new ServingException(ErrorKind.INTERNAL, text, e));
      return false;
    }
    if (refusal != null && !MessageWriter.isEnd(refusal)) {
      close("a part of a message may have been sent: " + refusal);
    }
    return refusal == null;
  }

  /** The worker has nothing of a message, and the connection is as good as before. */
  private void notWritten(Outgoing message, String reason, ServingException why) {
    if (message instanceof PredictBatch batch) {
      LOG.warn("{}: a batch cannot be sent: {}", name, reason);
      listener.notSent(batch.id(), why);
    } else if (message == load) {
      close("its LOAD message cannot be sent: " + reason);
    } else {
      LOG.warn("{}: {} cannot be sent now: {}", name, message, reason);
      scheduler.schedule(RETRY, () -> send(message));
    }
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
      channel.close();
      LOG.warn("{}: its connection is closed: {}", name, reason);
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
