package org.tsnext.worker.output;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.Header;

/**
 * Reads metrics that old handlers print:
 *
 * <pre>[METRICS]name.unit:value|#dim:val,dim:val|#type:GAUGE|#hostname:host,unixSeconds,requestIds
 * </pre>
 *
 * Type (then a gauge), dimensions and request ids may be absent.
 */
public final class MetricLine {

  static final String PREFIX = "[METRICS]";

  /** Longer lines are ordinary output. */
  private static final int MAX_LENGTH = 16 * 1024;

  private static final int MAX_DIMENSIONS = 64;
  private static final String TYPE = "#type:";
  private static final String HOST = "#hostname:";
  private static final Map<String, String> LONG_UNITS =
      Map.of(
          "ms", "Milliseconds",
          "s", "Seconds",
          "percent", "Percent",
          "count", "Count",
          "MB", "Megabytes",
          "GB", "Gigabytes",
          "kB", "Kilobytes",
          "B", "Bytes");

  private MetricLine() {}

  /** The sample in a line, or nothing if the line is not one. */
  static Optional<MetricSample> parse(String line) {
    return line.startsWith(PREFIX)
        ? parseContent(line.substring(PREFIX.length()))
        : Optional.empty();
  }

  /** The sample in a line that has no prefix, as collectors of system metrics print it. */
  public static Optional<MetricSample> parseContent(String text) {
    if (text.length() > MAX_LENGTH) {
      return Optional.empty();
    }
    String[] fields = text.split("\\|", 5);
    int colon = fields[0].indexOf(':');
    int dot = fields[0].lastIndexOf('.', Math.max(colon, 0));
    if (colon < 0 || dot < 1) {
      return Optional.empty();
    }
    Optional<Double> value = number(fields[0].substring(colon + 1).replace(",", ""));
    Optional<MetricType> type = Optional.of(MetricType.GAUGE);
    List<Header> dimensions = List.of();
    String[] origin = new String[0];
    for (int i = 1; i < fields.length; i++) {
      String field = fields[i];
      if (field.startsWith(HOST)) {
        origin = field.substring(HOST.length()).split(",", 3);
      } else if (field.startsWith(TYPE)) {
        type = type(field.substring(TYPE.length()));
      } else if (field.startsWith("#")) {
        dimensions = dimensions(field.substring(1));
      }
    }
    Optional<Double> seconds = origin.length > 1 ? number(origin[1]) : Optional.empty();
    if (value.isEmpty() || seconds.isEmpty() || type.isEmpty()) {
      return Optional.empty();
    }
    String unit = fields[0].substring(dot + 1, colon).strip();
    return Optional.of(
        new MetricSample(
            type.get(),
            fields[0].substring(0, dot).strip(),
            LONG_UNITS.getOrDefault(unit, unit),
            value.get(),
            Instant.ofEpochMilli((long) (seconds.get() * 1000)),
            origin.length > 2 ? origin[2].strip() : "",
            dimensions));
  }

  private static List<Header> dimensions(String text) {
    List<Header> dimensions = new ArrayList<>();
    for (String pair : text.split(",", MAX_DIMENSIONS + 1)) {
      int colon = pair.indexOf(':');
      if (colon > 0 && dimensions.size() < MAX_DIMENSIONS) {
        dimensions.add(new Header(pair.substring(0, colon).strip(), pair.substring(colon + 1)));
      }
    }
    return dimensions;
  }

  private static Optional<MetricType> type(String text) {
    String name = text.strip().toUpperCase(Locale.ROOT);
    for (MetricType type : MetricType.values()) {
      if (type.name().equals(name)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  private static Optional<Double> number(String text) {
    try {
      return Optional.of(Double.valueOf(text.strip()));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }
}
