package org.tsnext.core.history;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.time.Clock;

/**
 * The last lines that the workers of each version printed, in bounded memory: of the versions that
 * printed last. Thread-safe.
 */
public final class RecentLines {

  /** Lines of a version. */
  public static final int MAX_LINES = 200;

  /** Characters of a line; the rest is left out. */
  public static final int MAX_LINE = 2000;

  private static final int MAX_CHARACTERS = 64 * 1024;
  private static final int MAX_VERSIONS = 100;

  /** How workers are called: {@code W-9000-digits_1.0}. */
  private static final String WORKER_PREFIX = "W-";

  private final Clock clock;

  /** By the name of a worker without its number, those that printed last at the end. */
  @GuardedBy("this")
  private final Map<String, Ring> rings = new LinkedHashMap<>(16, 0.75f, true);

  @GuardedBy("this")
  private long lastNumber;

  /**
   * A line.
   *
   * @param number grows with each line of the server
   * @param worker its id
   * @param stderr whether it was printed to stderr
   */
  public record Line(long number, Instant time, String worker, boolean stderr, String text) {}

  private static final class Ring {
    private final Deque<Line> lines = new ArrayDeque<>();
    private int characters;

    void add(Line line) {
      lines.addLast(line);
      characters += line.text().length();
      while (lines.size() > MAX_LINES || characters > MAX_CHARACTERS) {
        characters -= lines.removeFirst().text().length();
      }
    }
  }

  public RecentLines(Clock clock) {
    this.clock = clock;
  }

  /**
   * Keeps lines; those that no worker printed are not kept.
   *
   * @param source name of the worker, such as {@code W-9000-digits_1.0}
   */
  public void add(String source, boolean stderr, List<String> lines) {
    int end = source.startsWith(WORKER_PREFIX) ? source.indexOf('-', WORKER_PREFIX.length()) : -1;
    if (end < 0) {
      return;
    }
    String worker = source.substring(WORKER_PREFIX.length(), end);
    String version = source.substring(end + 1);
    Instant now = clock.now();
    synchronized (this) {
      Ring ring = rings.computeIfAbsent(version, name -> new Ring());
      for (String line : lines) {
        String text = line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "..." : line;
        ring.add(new Line(++lastNumber, now, worker, stderr, text));
      }
      if (rings.size() > MAX_VERSIONS) {
        rings.remove(rings.keySet().iterator().next());
      }
    }
  }

  /**
   * The lines of a version after the one with that number, the oldest first.
   *
   * @param number 0 for all that are kept
   */
  public synchronized List<Line> after(VersionId version, long number) {
    Ring ring = rings.get(version.name() + "_" + version.version());
    if (ring == null) {
      return List.of();
    }
    List<Line> later = new ArrayList<>();
    for (Line line : ring.lines) {
      if (line.number() > number) {
        later.add(line);
      }
    }
    return later;
  }
}
