package org.tsnext.http.jobs;

import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.request.BoundedNumber;

/**
 * What the header {@code Prefer} of a request says (RFC 7240). Preferences that are unknown or
 * malformed are ignored, as it demands; of several of one name the first counts.
 *
 * @param respondAsync whether the client would rather not wait for the response
 * @param maxWait how long it is willing to wait; at most {@link #MAX_WAIT}
 */
record Preferences(boolean respondAsync, Optional<Duration> maxWait) {

  /** Longer waits are cut to this. */
  static final Duration MAX_WAIT = Duration.ofMinutes(5);

  static final String HEADER = "prefer";

  /** Tells the client what was followed. */
  static final String APPLIED = "preference-applied";

  private static final Preferences NONE = new Preferences(false, Optional.empty());

  static Preferences of(HttpHeaders headers) {
    if (!headers.contains(HEADER)) {
      return NONE;
    }
    boolean respondAsync = false;
    boolean waitSaid = false;
    Optional<Duration> wait = Optional.empty();
    for (String preference : split(String.join(",", headers.getAll(HEADER)), ',')) {
      String[] pair = split(preference, ';').get(0).split("=", 2);
      String name = pair[0].strip().toLowerCase(Locale.ROOT);
      String value = pair.length < 2 ? "" : unquoted(pair[1].strip());
      if (name.equals("respond-async") && value.isEmpty()) {
        respondAsync = true;
      } else if (name.equals("wait") && !waitSaid) {
        waitSaid = true;
        wait = seconds(value);
      }
    }
    return new Preferences(respondAsync, wait);
  }

  /** The value of {@code Preference-Applied} for a wait that was followed. */
  static String applied(Duration wait) {
    return "wait=" + wait.toSeconds();
  }

  private static Optional<Duration> seconds(String value) {
    OptionalLong seconds = BoundedNumber.whole(value);
    if (seconds.isEmpty() || seconds.getAsLong() < 0 || !Character.isDigit(value.charAt(0))) {
      return Optional.empty();
    }
    return Optional.of(Duration.ofSeconds(Math.min(seconds.getAsLong(), MAX_WAIT.toSeconds())));
  }

  private static String unquoted(String value) {
    return value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")
        ? value.substring(1, value.length() - 1)
        : value;
  }

  /** The pieces between separators, of which those in quotes are none. */
  private static List<String> split(String text, char separator) {
    List<String> pieces = new ArrayList<>();
    StringBuilder piece = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted && c == '\\' && i + 1 < text.length()) {
        piece.append(c).append(text.charAt(++i));
        continue;
      }
      quoted ^= c == '"';
      if (c == separator && !quoted) {
        pieces.add(piece.toString());
        piece.setLength(0);
      } else {
        piece.append(c);
      }
    }
    pieces.add(piece.toString());
    return pieces;
  }
}
