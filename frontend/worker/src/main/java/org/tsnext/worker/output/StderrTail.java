package org.tsnext.worker.output;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;

/** The last lines a worker printed to stderr: why it died, when nothing else says so. */
public final class StderrTail {

  private static final int MAX_LINES = 20;
  private static final int MAX_LINE = 1024;

  /** As in {@code ts._protocol.texts}: descriptions and errors show no addresses of memory. */
  private static final Pattern ADDRESS =
      Pattern.compile(
          " at 0x[0-9A-Fa-f]{4,16}\\b"
              + "|(?<=\\()0x[0-9A-Fa-f]{8,16}(?: in )?"
              + "|(?<=[Tt]hread) 0x[0-9A-Fa-f]{8,16}\\b");

  private final Deque<String> lines = new ArrayDeque<>();

  /** Adds a line; called by the thread that reads from {@code init}. */
  public synchronized void add(String line) {
    if (lines.size() == MAX_LINES) {
      lines.removeFirst();
    }
    lines.addLast(line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "..." : line);
  }

  /** All lines, without addresses of memory, or an empty string. */
  public synchronized String text() {
    return ADDRESS.matcher(String.join("\n", lines)).replaceAll("");
  }
}
