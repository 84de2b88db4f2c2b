package org.tsnext.worker;

import java.util.ArrayDeque;
import java.util.Deque;

/** The last lines a worker printed to stderr: why it died, when nothing else says so. */
final class StderrTail {

  private static final int MAX_LINES = 20;
  private static final int MAX_LINE = 1024;

  private final Deque<String> lines = new ArrayDeque<>();

  /** Adds a line; called by the thread that reads from {@code init}. */
  synchronized void add(String line) {
    if (lines.size() == MAX_LINES) {
      lines.removeFirst();
    }
    lines.addLast(line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "..." : line);
  }

  /** All lines, or an empty string. */
  synchronized String text() {
    return String.join("\n", lines);
  }
}
