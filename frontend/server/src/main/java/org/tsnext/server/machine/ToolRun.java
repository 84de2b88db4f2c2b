package org.tsnext.server.machine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Runs programs to their end, one at a time, with limits to their time and output. Not thread-safe.
 */
public final class ToolRun {
  private static final int STDERR_LIMIT = 4096;

  /** From the end of the program to the end of its output: a process left behind may hold it. */
  private static final Duration OUTPUT_GRACE = Duration.ofSeconds(2);

  private final Duration timeout;
  private final int outputLimit;
  private Optional<Thread> lastReader = Optional.empty();

  /**
   * @param timeout after which a program is killed
   * @param outputLimit bytes of stdout; a program that prints more is killed
   */
  public ToolRun(Duration timeout, int outputLimit) {
    this.timeout = timeout;
    this.outputLimit = outputLimit;
  }

  /**
   * How a program ended.
   *
   * @param stderr the beginning of it
   */
  public record Output(int exitCode, String stdout, String stderr) {}

  /**
   * Blocks until the program ends.
   *
   * @param input what it may read from stdin; less than a pipe holds
   * @throws IOException saying why there is no output: it cannot be started, took too long or
   *     printed too much
   * @throws InterruptedException if this thread is interrupted; the program is killed then
   */
  public Output run(ProcessBuilder program, String input) throws IOException, InterruptedException {
    if (lastReader.filter(Thread::isAlive).isPresent()) {
      throw new IOException("a process that its last run left behind still holds its output");
    }
    Process process = program.start();
    Drain stdout = new Drain(process.getInputStream(), outputLimit, process::destroyForcibly);
    Drain stderr = new Drain(process.getErrorStream(), STDERR_LIMIT, () -> {});
    Thread reader = start(stdout);
    lastReader = Optional.of(reader);
    Thread errorReader = start(stderr);
    boolean ended = false;
    try {
      write(process, input);
      ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } finally {
      // Of one that has ended, this would throw away what is not yet read.
      if (!ended) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    }
    if (!ended) {
      throw new IOException("it did not end within " + timeout.toSeconds() + " s");
    }
    reader.join(OUTPUT_GRACE.toMillis());
    errorReader.join(OUTPUT_GRACE.toMillis());
    if (stdout.isOver()) {
      throw new IOException("it printed more than " + outputLimit + " bytes");
    }
    return new Output(process.exitValue(), stdout.text(), stderr.text());
  }

  private static Thread start(Drain drain) {
    Thread reader = new Thread(drain, "tool-output");
    reader.setDaemon(true);
    reader.start();
    return reader;
  }

  private static void write(Process process, String input) {
    try (OutputStream stdin = process.getOutputStream()) {
      stdin.write(input.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // It does not read its input, or has ended: its exit status tells.
    }
  }

  /** Reads to the end, so that the program never waits for a full pipe, and keeps the beginning. */
  private static final class Drain implements Runnable {
    private final InputStream in;
    private final int limit;
    private final Runnable onOverflow;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private boolean over;

    Drain(InputStream in, int limit, Runnable onOverflow) {
      this.in = in;
      this.limit = limit;
      this.onOverflow = onOverflow;
    }

    @Override
    public void run() {
      byte[] buffer = new byte[8192];
      try {
        for (int size = in.read(buffer); size >= 0; size = in.read(buffer)) {
          keep(buffer, size);
        }
      } catch (IOException e) {
        // The program was killed; what it said until then is kept.
      }
    }

    private synchronized void keep(byte[] buffer, int size) {
      int room = limit - kept.size();
      kept.write(buffer, 0, Math.min(room, size));
      if (size > room && !over) {
        over = true;
        onOverflow.run();
      }
    }

    synchronized boolean isOver() {
      return over;
    }

    synchronized String text() {
      return kept.toString(StandardCharsets.UTF_8);
    }
  }
}
