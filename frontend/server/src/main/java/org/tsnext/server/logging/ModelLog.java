package org.tsnext.server.logging;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.jmx.RingBufferAdmin;
import org.apache.logging.log4j.message.Message;
import org.apache.logging.log4j.message.SimpleMessage;
import org.tsnext.worker.output.WorkerOutput;

/**
 * Writes workers' output to the logger {@code MODEL_LOG}: INFO for stdout, WARN for stderr. It does
 * so on a thread of its own, which bears the name of the worker and the stream, as the log's layout
 * shows them. What a handler prints faster than it can be written waits here, within a limit:
 * beyond that the caller waits, and so do the workers that print.
 */
public final class ModelLog implements WorkerOutput, AutoCloseable {
  /** Bytes of text, and what a line costs besides. */
  private static final int MAX_WAITING = 32 << 20;

  private static final int COST_OF_LINE = 64;

  /** The whole heap is not for lines. */
  private static final int SHARE_OF_HEAP = 16;

  private static final Duration PAUSE = Duration.ofMillis(1);
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

  private final Logger logger;
  private final LongSupplier room;
  private final int limit;
  private final Semaphore free;
  private final BlockingQueue<Optional<Lines>> waiting = new LinkedBlockingQueue<>();
  private final Thread writer = new Thread(this::write, "model-log");
  private volatile boolean closing;

  private record Lines(String threadName, boolean stderr, List<String> lines, int cost) {}

  private ModelLog(Logger logger, LongSupplier room, long limit) {
    this.logger = logger;
    this.room = room;
    this.limit = (int) Math.min(MAX_WAITING, limit);
    this.free = new Semaphore(this.limit);
    writer.setDaemon(true);
  }

  /** Begins to write to the logger {@code MODEL_LOG}. */
  public static ModelLog start() {
    Logger logger = LogManager.getLogger("MODEL_LOG");
    return start(logger, room(), Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP);
  }

  /**
   * @param room how many lines the loggers take before a thread that logs has to wait, less what is
   *     kept for others; negative or zero for none
   * @param limit of what waits here
   */
  static ModelLog start(Logger logger, LongSupplier room, long limit) {
    ModelLog log = new ModelLog(logger, room, limit);
    log.writer.start();
    return log;
  }

  @Override
  public void lines(String source, boolean stderr, List<String> lines) {
    long cost = 0;
    for (String line : lines) {
      cost += COST_OF_LINE + line.length();
    }
    int counted = (int) Math.min(limit, cost);
    free.acquireUninterruptibly(counted);
    String name = source + (stderr ? "-stderr" : "-stdout");
    waiting.add(Optional.of(new Lines(name, stderr, lines, counted)));
  }

  /** Waits, within a limit, until everything is with the loggers. Takes nothing after that. */
  @Override
  public void close() {
    closing = true;
    waiting.add(Optional.empty());
    try {
      writer.join(CLOSE_LIMIT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void write() {
    try {
      for (Optional<Lines> next = waiting.take(); next.isPresent(); next = waiting.take()) {
        write(next.get());
        free.release(next.get().cost());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void write(Lines lines) {
    if (!writer.getName().equals(lines.threadName())) {
      writer.setName(lines.threadName());
    }
    Level level = lines.stderr() ? Level.WARN : Level.INFO;
    for (String line : lines.lines()) {
      awaitRoom();
      Message message = new SimpleMessage(line);
      logger.log(level, message);
    }
  }

  /** Event loops log too, and must not wait because a handler prints a lot. */
  private void awaitRoom() {
    while (room.getAsLong() <= 0 && !closing) {
      LockSupport.parkNanos(PAUSE.toNanos());
    }
  }

  private static LongSupplier room() {
    if (!(LogManager.getContext(false) instanceof AsyncLoggerContext context)) {
      return () -> Long.MAX_VALUE;
    }
    RingBufferAdmin loggers = context.createRingBufferAdmin();
    long kept = loggers.getBufferSize() / 2;
    return () -> loggers.getRemainingCapacity() - kept;
  }
}
