package org.tsnext.worker.process;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.FrameType.Flags;
import org.tsnext.worker.protocol.InitMessage;
import org.tsnext.worker.protocol.Message;
import org.tsnext.worker.protocol.MessageAssembler;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.ProtocolException;

/**
 * One {@code init} process. Three threads of its own serve its pipes, since reading and writing
 * them may block: one reads frames, one writes them, one logs its stderr.
 */
public final class InitProcess {

  private static final Logger LOG = LoggerFactory.getLogger(InitProcess.class);

  /** From the end of its output to its exit, and from SIGKILL to its exit. */
  private static final Duration EXIT_LIMIT = Duration.ofSeconds(5);

  private static final int READ_BUFFER = 64 * 1024;

  /** On the heap: pipes need no direct memory, which may have run out. */
  static final ByteBufAllocator ALLOCATOR = new UnpooledByteBufAllocator(false);

  /** Tries of a message for which there is no memory, and the time between them. */
  static final int MAX_TRIES = 10;

  private static final Duration BETWEEN_TRIES = Duration.ofMillis(100);

  private final Process process;
  private final FrameLimits limits;
  private final Events events;
  private final FrameEncoder encoder;
  private final BlockingQueue<Optional<Outgoing>> queue = new LinkedBlockingQueue<>();

  /** What the process does; called by its threads. */
  public interface Events {
    void said(InitMessage message);

    /**
     * Output of a worker, or of the zygote for id 0.
     *
     * @param text stays the caller's
     */
    void printed(int spawnId, boolean stderr, ByteBuf text);

    /** A spawn request could not be sent: the process has nothing of it and continues. */
    void notSpawned(int spawnId, String reason);

    /** The process is gone. The last call, exactly once. */
    void ended(String reason);
  }

  InitProcess(Process process, FrameLimits limits, ByteBufAllocator allocator, Events events) {
    this.process = process;
    this.limits = limits;
    this.events = events;
    this.encoder = new FrameEncoder(limits, allocator);
  }

  /**
   * Starts the process, but not yet its threads. Blocks for milliseconds.
   *
   * @param environment all variables
   * @throws IOException if it cannot be started
   */
  public static InitProcess start(
      List<String> command, Map<String, String> environment, FrameLimits limits, Events events)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().putAll(environment);
    return new InitProcess(builder.start(), limits, ALLOCATOR, events);
  }

  /** Starts the threads; from now on events are reported. */
  void serve() {
    try {
      startThread("worker-init-stderr", this::logStderr);
      startThread("worker-init-write", this::write);
      startThread("worker-init-read", this::read);
    } catch (Throwable failure) { // no memory, or no threads
      process.destroyForcibly();
      throw failure;
    }
  }

  long pid() {
    return process.pid();
  }

  /** Queues a message; lost if the process is gone. */
  void send(Outgoing message) {
    queue.add(Optional.of(message));
  }

  /**
   * Closes its standard input after what is queued is written, which makes it end all processes and
   * itself; if that takes too long, kills it. Blocks.
   */
  public void shutdown(Duration limit) {
    queue.add(Optional.empty());
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("init {} did not end within {} s, killing it", pid(), limit.toSeconds());
        process.destroyForcibly().waitFor(EXIT_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private void read() {
    String reason = "its output ended";
    try (MessageAssembler assembler =
            new MessageAssembler(FrameType.Sender.INIT, limits, ALLOCATOR);
        DataInputStream in =
            new DataInputStream(new BufferedInputStream(process.getInputStream(), READ_BUFFER))) {
      while (true) {
        Optional<Message> message = assembler.add(readFrame(in));
        if (message.isPresent()) {
          dispatch(message.get());
        }
      }
    } catch (EOFException e) {
      LOG.debug("init {} closed its output", pid());
    } catch (Throwable e) {
      // Where its stream stands is in doubt, say for want of memory: its end must be reported.
      reason = e instanceof ProtocolException ? e.getMessage() : e.toString();
      LOG.error("init {}: {}", pid(), reason);
    }
    end(reason);
  }

  private ByteBuf readFrame(DataInputStream in) throws IOException, ProtocolException {
    int length = in.readInt();
    if (length < FrameLimits.COUNTED_HEADER || length > limits.frame()) {
      throw new ProtocolException(
          "length %s, expected %d to %d"
              .formatted(
                  Integer.toUnsignedString(length), FrameLimits.COUNTED_HEADER, limits.frame()));
    }
    byte[] frame = new byte[length];
    in.readFully(frame);
    return Unpooled.wrappedBuffer(frame);
  }

  private void dispatch(Message message) throws ProtocolException {
    try {
      if (message.type() == FrameType.OUTPUT) {
        print(message);
      } else {
        events.said(InitMessage.decode(message));
      }
    } finally {
      message.body().release();
    }
  }

  private void print(Message message) {
    boolean stderr = (message.flags() & Flags.STDERR) != 0;
    try {
      events.printed(message.id(), stderr, message.body());
    } catch (RuntimeException | Error e) {
      // Workers must not end because a log cannot be written.
      LOG.warn("init {}: output is lost: {}", pid(), e.toString());
    }
  }

  private void end(String reason) {
    queue.add(Optional.empty());
    String how = reason;
    try {
      if (process.waitFor(EXIT_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
        how = reason + ", exit code " + process.exitValue();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    process.destroyForcibly();
    events.ended(how);
  }

  private void write() {
    List<ByteBuf> frames = new ArrayList<>();
    try (OutputStream out = process.getOutputStream()) {
      for (Optional<Outgoing> next = queue.take(); next.isPresent(); next = queue.take()) {
        if (encode(next.get(), frames)) {
          for (ByteBuf frame : frames) {
            frame.getBytes(frame.readerIndex(), out, frame.readableBytes());
          }
          frames.forEach(ByteBuf::release);
          frames.clear();
          out.flush();
        }
      }
    } catch (IOException e) {
      // The reader sees the end of the process and reports it.
      LOG.debug("init {}: writing failed: {}", pid(), e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable e) {
      // A message is missing, or a part of it may have been written. The reader reports the end.
      LOG.error("init {}: a message cannot be written, ending it", pid(), e);
      process.destroyForcibly();
    } finally {
      frames.forEach(ByteBuf::release);
    }
  }

  /** Encodes a message whole; returns false if its sender knows that it is not sent. */
  private boolean encode(Outgoing message, List<ByteBuf> frames)
      throws ProtocolException, InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        encoder.encode(message, frames);
        return true;
      } catch (RuntimeException | Error e) {
        LOG.warn("init {}: {} cannot be sent now: {}", pid(), message, e.toString());
        if (message instanceof Outgoing.Json json && json.type() == FrameType.SPAWN) {
          events.notSpawned(json.id(), "its spawn request could not be sent: " + e);
          return false;
        }
        if (tries == MAX_TRIES) {
          throw e;
        }
        Thread.sleep(BETWEEN_TRIES.toMillis());
      }
    }
  }

  private void logStderr() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        LOG.warn("init {}: {}", pid(), line);
      }
    } catch (IOException e) {
      LOG.debug("init {}: its stderr cannot be read: {}", pid(), e.toString());
    }
  }

  private static void startThread(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }
}
