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
  private static final ByteBufAllocator ALLOCATOR = UnpooledByteBufAllocator.DEFAULT;

  private final Process process;
  private final FrameLimits limits;
  private final Events events;
  private final FrameEncoder encoder;
  private final BlockingQueue<Optional<Outgoing>> queue = new LinkedBlockingQueue<>();

  /** What the process does. All are called by its reader thread. */
  public interface Events {
    void said(InitMessage message);

    /**
     * Output of a worker, or of the zygote for launch 0.
     *
     * @param text stays the caller's
     */
    void printed(int launch, boolean stderr, ByteBuf text);

    /** The process is gone. The last call, exactly once. */
    void ended(String reason);
  }

  private InitProcess(Process process, FrameLimits limits, Events events) {
    this.process = process;
    this.limits = limits;
    this.events = events;
    this.encoder = new FrameEncoder(limits, ALLOCATOR);
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
    return new InitProcess(builder.start(), limits, events);
  }

  /** Starts the threads; from now on events are reported. */
  void serve() {
    startThread("worker-init-stderr", this::logStderr);
    startThread("worker-init-write", this::write);
    startThread("worker-init-read", this::read);
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
    } catch (IOException | ProtocolException e) {
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
        boolean stderr = (message.flags() & Flags.STDERR) != 0;
        events.printed(message.id(), stderr, message.body());
      } else {
        events.said(InitMessage.decode(message));
      }
    } finally {
      message.body().release();
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
        encoder.encode(next.get(), frames);
        for (ByteBuf frame : frames) {
          frame.readBytes(out, frame.readableBytes());
        }
        frames.forEach(ByteBuf::release);
        frames.clear();
        out.flush();
      }
    } catch (IOException e) {
      // The reader sees the end of the process and reports it.
      LOG.debug("init {}: writing failed: {}", pid(), e.toString());
    } catch (ProtocolException e) {
      LOG.error("init {}: a message does not fit the protocol: {}", pid(), e.getMessage());
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      frames.forEach(ByteBuf::release);
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
