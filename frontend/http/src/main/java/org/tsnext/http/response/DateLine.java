package org.tsnext.http.response;

import io.netty.handler.codec.DateFormatter;
import io.netty.util.AsciiString;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import org.tsnext.core.time.Clock;

/** The {@code Date} header of answers, written anew once a second. Any thread. */
final class DateLine {

  private static final String NAME = "date: ";

  private final Clock clock;

  /** Threads that see an old one at the same time write the same one anew. */
  private volatile Line line = new Line(new byte[0], 0, 0);

  DateLine(Clock clock) {
    this.clock = clock;
  }

  /** The whole line; not to be changed. */
  byte[] current() {
    Line known = line;
    long nanos = clock.nanoTime();
    if (nanos - known.startNanos < known.lifeNanos) {
      return known.bytes;
    }
    Instant now = clock.now();
    String text = NAME + DateFormatter.format(Date.from(now)) + "\r\n";
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    Instant next = now.truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
    line = new Line(bytes, nanos, Duration.between(now, next).toNanos());
    return bytes;
  }

  /** The value alone. */
  AsciiString value() {
    byte[] bytes = current();
    return new AsciiString(bytes, NAME.length(), bytes.length - NAME.length() - 2, false);
  }

  /** Good from {@code startNanos} for {@code lifeNanos}. */
  private static final class Line {
    private final byte[] bytes;
    private final long startNanos;
    private final long lifeNanos;

    Line(byte[] bytes, long startNanos, long lifeNanos) {
      this.bytes = bytes;
      this.startNanos = startNanos;
      this.lifeNanos = lifeNanos;
    }
  }
}
