package org.tsnext.worker.output;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The last lines a worker printed to stderr: why it died, when nothing else says so. Of a crash of
 * C code, which Python's faulthandler reports in many lines, the last one tells what happened, and
 * where in the model's code.
 */
public final class StderrTail {

  private static final String CRASH = "Fatal Python error: ";
  private static final Pattern FRAME = Pattern.compile("  File \"(.+)\", line (\\d+) in (.+)");

  private static final int MAX_LINES = 20;
  private static final int MAX_LINE = 1024;

  /** As in {@code ts._protocol.texts}: descriptions and errors show no addresses of memory. */
  private static final Pattern ADDRESS =
      Pattern.compile(
          " at 0x[0-9A-Fa-f]{4,16}\\b"
              + "|(?<=\\()0x[0-9A-Fa-f]{8,16}(?: in )?"
              + "|(?<=[Tt]hread) 0x[0-9A-Fa-f]{8,16}\\b");

  private final String modelFolder;
  private final Deque<String> lines = new ArrayDeque<>();

  /** The first line of the report of a crash, or empty. */
  private String crash = "";

  private boolean inCrashedThread;

  /** The innermost frame of the model's code in it, or empty. */
  private String place = "";

  /**
   * @param modelDirectory the folder of the model, in which files are named
   */
  public StderrTail(Path modelDirectory) {
    this.modelFolder = modelDirectory + "/";
  }

  /** Adds a line; called by the thread that reads from {@code init}. */
  public synchronized void add(String line) {
    if (line.startsWith(CRASH)) {
      crash = line.length() > MAX_LINE ? line.substring(0, MAX_LINE) : line;
      place = "";
      inCrashedThread = false;
    } else if (!crash.isEmpty() && place.isEmpty() && line.length() <= MAX_LINE) {
      // Threads are parted by empty lines; their frames come innermost first.
      inCrashedThread = line.startsWith("Current thread") || (inCrashedThread && !line.isBlank());
      place = inCrashedThread ? placeIn(line) : "";
    }
    if (lines.size() == MAX_LINES) {
      lines.removeFirst();
    }
    lines.addLast(line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "..." : line);
  }

  /** All lines, without addresses of memory, or an empty string. */
  public synchronized String text() {
    String told = ADDRESS.matcher(String.join("\n", lines)).replaceAll("");
    return crash.isEmpty() ? told : told + "\n" + crash + place;
  }

  /** {@code " (handler.py:12, in initialize)"} of a frame of the model's code, or empty. */
  private String placeIn(String line) {
    Matcher frame = FRAME.matcher(line);
    if (!frame.matches() || !frame.group(1).startsWith(modelFolder)) {
      return "";
    }
    String function = frame.group(3).startsWith("<") ? "" : ", in " + frame.group(3);
    return " ("
        + frame.group(1).substring(modelFolder.length())
        + ":"
        + frame.group(2)
        + function
        + ")";
  }
}
