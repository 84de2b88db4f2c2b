package org.tsnext.worker.environment;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Runs a command to its end or to a deadline. Its output is read while it runs, so that it never
 * waits for a full pipe.
 */
final class CommandRun {

  private static final int MAX_LINES = 40;
  private static final int MAX_LINE = 2000;

  /** Processes that the command left behind may keep the pipe open. */
  private static final Duration OUTPUT_LIMIT = Duration.ofSeconds(2);

  private CommandRun() {}

  /**
   * How a command ended.
   *
   * @param exitCode -1 if it was killed at its deadline
   * @param lastLines of its stdout and stderr
   */
  record Result(int exitCode, List<String> lastLines) {
    boolean succeeded() {
      return exitCode == 0;
    }

    String text() {
      return String.join("\n", lastLines);
    }
  }

  /**
   * Blocks until the command ends.
   *
   * @param environment all variables
   * @param log takes each line of output
   * @throws IOException if it cannot be started
   * @throws InterruptedException if this thread is interrupted; the command is killed then
   */
  static Result run(
      List<String> command,
      Path folder,
      Map<String, String> environment,
      Duration timeout,
      Consumer<String> log)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    Deque<String> lines = new ArrayDeque<>();
    Thread reader = new Thread(() -> read(process, lines, log), "command-output");
    reader.setDaemon(true);
    boolean ended = false;
    try {
      reader.start();
      ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } finally {
      if (!ended) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    }
    reader.join(OUTPUT_LIMIT.toMillis());
    synchronized (lines) {
      if (!ended) {
        lines.addLast("killed after " + timeout.toSeconds() + " s");
      }
      return new Result(ended ? process.exitValue() : -1, List.copyOf(lines));
    }
  }

  private static void read(Process process, Deque<String> lines, Consumer<String> log) {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String kept = line.length() > MAX_LINE ? line.substring(0, MAX_LINE) : line;
        log.accept(kept);
        synchronized (lines) {
          if (lines.size() == MAX_LINES) {
            lines.removeFirst();
          }
          lines.addLast(kept);
        }
      }
    } catch (IOException e) {
      log.accept("its output cannot be read: " + e);
    }
  }
}
