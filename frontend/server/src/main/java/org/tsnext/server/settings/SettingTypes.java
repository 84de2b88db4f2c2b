package org.tsnext.server.settings;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.tsnext.archive.remote.PrivateHost;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.settings.SettingType.InvalidValueException;
import org.tsnext.server.snapshot.Snapshot;
import org.tsnext.server.snapshot.SnapshotJson;
import org.tsnext.transport.UnixSocketPath;

/** The kinds of values that settings have. */
final class SettingTypes {
  private static final long MILLIS_PER_MINUTE = 60_000;
  private static final BigDecimal MAX_MINUTES = new BigDecimal("1000000000");

  private SettingTypes() {}

  /** Reads a text; any exception means that it is not acceptable. */
  @FunctionalInterface
  private interface Reader<T> {
    T read(String text) throws InvalidValueException;
  }

  static SettingType<Boolean> bool() {
    return new SettingType<>() {
      @Override
      public Boolean parse(String text) throws InvalidValueException {
        if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
          throw new InvalidValueException("expected " + expected());
        }
        return Boolean.parseBoolean(text);
      }

      @Override
      public Optional<Boolean> original() {
        return Optional.of(false);
      }

      @Override
      public String expected() {
        return "true or false";
      }
    };
  }

  static SettingType<Integer> integer(int min, int max) {
    return type(range(min, max, ""), text -> (int) inRange(text, min, max));
  }

  static SettingType<Long> bytes(long min, long max) {
    return type(range(min, max, " bytes"), text -> inRange(text, min, max));
  }

  static SettingType<Duration> seconds(long min) {
    return type(
        range(min, Integer.MAX_VALUE, " seconds"),
        text -> Duration.ofSeconds(inRange(text, min, Integer.MAX_VALUE)));
  }

  static SettingType<Duration> millis(long min) {
    return type(
        range(min, Long.MAX_VALUE, " milliseconds"),
        text -> Duration.ofMillis(inRange(text, min, Long.MAX_VALUE)));
  }

  /** Minutes; fractions are allowed; zero stands for never. */
  static SettingType<Duration> minutesOrNever() {
    return type(
        "minutes as a number, fractions allowed, or never",
        text -> {
          if (text.equalsIgnoreCase("never")) {
            return Duration.ZERO;
          }
          BigDecimal minutes =
              BoundedNumber.decimal(text).orElseThrow(() -> new IllegalArgumentException(text));
          if (minutes.signum() < 0 || minutes.compareTo(MAX_MINUTES) > 0) {
            throw new IllegalArgumentException(text);
          }
          long millis = minutes.multiply(BigDecimal.valueOf(MILLIS_PER_MINUTE)).longValue();
          return Duration.ofMillis(minutes.signum() == 0 ? 0 : Math.max(1, millis));
        });
  }

  /** A factor, fractions allowed; empty for {@code auto}. */
  static SettingType<Optional<Double>> factorOrAuto(int max) {
    return type(
        "auto, or a number from 0 to " + max + ", fractions allowed",
        text -> {
          if (text.equalsIgnoreCase("auto")) {
            return Optional.empty();
          }
          BigDecimal factor =
              BoundedNumber.decimal(text).orElseThrow(() -> new IllegalArgumentException(text));
          if (factor.signum() < 0 || factor.compareTo(BigDecimal.valueOf(max)) > 0) {
            throw new IllegalArgumentException(text);
          }
          return Optional.of(factor.doubleValue());
        });
  }

  static SettingType<String> text(String expected) {
    return type(expected, text -> text);
  }

  static SettingType<String> matching(String expected, String regex) {
    Predicate<String> matches = Pattern.compile(regex).asMatchPredicate();
    return type(
        expected,
        text -> {
          if (!matches.test(text)) {
            throw new IllegalArgumentException(text);
          }
          return text;
        });
  }

  /** One of some words, in any case; read as lower case. */
  static SettingType<String> oneOf(String... words) {
    return type(
        "one of " + String.join(", ", words),
        text -> {
          String lower = text.toLowerCase(Locale.ROOT);
          if (!Arrays.asList(words).contains(lower)) {
            throw new IllegalArgumentException(text);
          }
          return lower;
        });
  }

  /** Some of some words between commas, in any case; or {@code none}. */
  static SettingType<Set<String>> someOf(String... words) {
    return type(
        "none, or some of " + String.join(", ", words),
        text -> {
          Set<String> chosen = new TreeSet<>(split(text.toLowerCase(Locale.ROOT)));
          boolean none = chosen.equals(Set.of("none"));
          if (!none && (chosen.isEmpty() || !Set.of(words).containsAll(chosen))) {
            throw new IllegalArgumentException(text);
          }
          return none ? Set.of() : Set.copyOf(chosen);
        });
  }

  /** Words between commas; blanks around them are dropped. */
  static SettingType<List<String>> commaList(String expected) {
    return type(expected, SettingTypes::split);
  }

  static SettingType<Compatibility> compatibility() {
    String words =
        Arrays.stream(Compatibility.values())
            .map(Compatibility::setting)
            .collect(Collectors.joining(" or "));
    return type(words, text -> Compatibility.of(text.toLowerCase(Locale.ROOT)));
  }

  /** Regular expressions for URLs, which match in any case. */
  static SettingType<List<Pattern>> urlPatterns() {
    return type(
        "regular expressions separated by commas",
        text -> split(text).stream().map(word -> compile(word, Pattern.CASE_INSENSITIVE)).toList());
  }

  static SettingType<List<PrivateHost>> privateHosts() {
    return type(
        "host[:port], [IPv6 address][:port] or address/bits, separated by commas",
        text -> split(text).stream().map(PrivateHost::parse).toList());
  }

  static SettingType<Pattern> regex() {
    return type("a regular expression", text -> compile(text, 0));
  }

  static SettingType<Path> path() {
    return type("a path", SettingTypes::toPath);
  }

  static SettingType<Path> existingFile() {
    return type(
        "a file that exists and can be read",
        text -> {
          Path path = toPath(text);
          if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
            throw new IllegalArgumentException(text);
          }
          return path;
        });
  }

  static SettingType<Path> existingDirectory() {
    return type(
        "a directory that exists and can be read",
        text -> {
          Path path = toPath(text);
          if (!Files.isDirectory(path) || !Files.isReadable(path)) {
            throw new IllegalArgumentException(text);
          }
          return path;
        });
  }

  static SettingType<ListenAddress> address(String key, int httpPort, int httpsPort) {
    return type(
        "http://host[:port], https://host[:port] or unix:/absolute/path",
        text -> {
          ListenAddress address = ListenAddress.parse(key, text, httpPort, httpsPort);
          if (address instanceof ListenAddress.Unix unix) {
            int length = UnixSocketPath.bytes(unix.path());
            if (length > UnixSocketPath.MAX_BYTES) {
              throw new InvalidValueException(
                  "expected the path of a Unix-domain socket, of at most %d bytes; this one has %d"
                      .formatted(UnixSocketPath.MAX_BYTES, length));
            }
          }
          return address;
        });
  }

  static SettingType<ModelsProperty> models() {
    return type("a JSON object: model name, version, settings", ModelsProperty::parse);
  }

  static SettingType<Snapshot> snapshot() {
    return type(
        "JSON of a snapshot",
        text -> {
          try {
            return SnapshotJson.read(text);
          } catch (IllegalArgumentException e) {
            throw new InvalidValueException("expected JSON of a snapshot: " + e.getMessage());
          }
        });
  }

  private static <T> SettingType<T> type(String expected, Reader<T> reader) {
    return new SettingType<>() {
      @Override
      public T parse(String text) throws InvalidValueException {
        try {
          return reader.read(text);
        } catch (IllegalArgumentException e) {
          throw new InvalidValueException("expected " + expected);
        }
      }

      @Override
      public String expected() {
        return expected;
      }
    };
  }

  private static long inRange(String text, long min, long max) {
    long value = BoundedNumber.whole(text).orElseThrow(() -> new IllegalArgumentException(text));
    if (value < min || value > max) {
      throw new IllegalArgumentException(text);
    }
    return value;
  }

  private static String range(long min, long max, String unit) {
    String noun = "a whole number" + (unit.isEmpty() ? "" : " of" + unit);
    return max >= Integer.MAX_VALUE && unit.endsWith("seconds")
        ? noun + ", " + min + " or more"
        : noun + " from " + min + " to " + max;
  }

  private static List<String> split(String text) {
    return Arrays.stream(text.split(",", -1)).map(String::strip).filter(w -> !w.isEmpty()).toList();
  }

  private static Pattern compile(String text, int flags) {
    try {
      return Pattern.compile(text, flags);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  private static Path toPath(String text) {
    try {
      return Path.of(text).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}
