package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.BoundedFile;
import org.tsnext.archive.PrintableText;
import org.tsnext.archive.SafeYaml;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricDefinitions;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;

/**
 * Reads the file of {@code metrics_config}: which metrics the server records, and which handlers
 * may emit. Each refusal says where in the file, what is there, and what was expected.
 */
public final class MetricsConfig {
  private static final String FRONTEND = "ts_metrics";
  private static final String MODELS = "model_metrics";

  /** The first is only there to hold anchors. */
  private static final Set<String> SECTIONS = Set.of("dimensions", FRONTEND, MODELS);

  private MetricsConfig() {}

  /**
   * Reads a file.
   *
   * @throws IOException if it cannot be read or does not declare metrics
   */
  public static MetricDefinitions read(Path file) throws IOException {
    try {
      return parse(BoundedFile.read(file, "the file"));
    } catch (ArchiveException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  static MetricDefinitions parse(String text) throws IOException {
    Object document = load(text);
    if (document == null) {
      return new MetricDefinitions(List.of(), List.of());
    }
    Map<?, ?> sections = map("the file", document);
    checkKeys("the file", sections, SECTIONS);
    MetricDefinitions read =
        new MetricDefinitions(section(sections, FRONTEND), section(sections, MODELS));
    checkTogether(read);
    return read;
  }

  private static Object load(String text) throws IOException {
    try {
      return SafeYaml.load(text);
    } catch (SafeYaml.InvalidYamlException e) {
      throw new IOException("it is not YAML: " + e.getMessage(), e);
    }
  }

  private static List<MetricDefinition> section(Map<?, ?> sections, String name)
      throws IOException {
    List<MetricDefinition> metrics = new ArrayList<>();
    Object section = sections.get(name);
    if (section == null) {
      return metrics;
    }
    Map<?, ?> types = map(name, section);
    checkKeys(name, types, words());
    for (MetricType type : MetricType.values()) {
      Object entries = types.get(type.word());
      String place = name + "." + type.word();
      int number = 0;
      for (Object entry : entries == null ? List.of() : list(place, entries)) {
        number++;
        metrics.add(metric(name, type, place + ", entry " + number, entry));
      }
    }
    return metrics;
  }

  private static MetricDefinition metric(
      String section, MetricType type, String entryPlace, Object entry) throws IOException {
    Map<?, ?> fields = map(entryPlace, entry);
    String name = text(entryPlace + ": name", fields.get("name"));
    String place = entryPlace + " (" + name + ")";
    boolean histogram = type == MetricType.HISTOGRAM;
    checkKeys(
        place,
        fields,
        histogram
            ? Set.of("name", "unit", "dimensions", "buckets")
            : Set.of("name", "unit", "dimensions"));
    String unit = text(place + ": unit", fields.get("unit"));
    List<String> dimensions = new ArrayList<>();
    for (Object dimension : optionalList(place + ": dimensions", fields.get("dimensions"))) {
      dimensions.add(text(place + ": a dimension", dimension));
    }
    checkHost(section, place, dimensions);
    List<Double> bounds = new ArrayList<>();
    for (Object bound : optionalList(place + ": buckets", fields.get("buckets"))) {
      if (!(bound instanceof Number number)) {
        throw refusal(place + ": a bound of buckets", bound, "a number");
      }
      bounds.add(number.doubleValue());
    }
    try {
      return bounds.isEmpty()
          ? MetricDefinition.of(name, type, unit, dimensions)
          : new MetricDefinition(name, type, unit, dimensions, bounds);
    } catch (IllegalArgumentException e) {
      throw new IOException(place + ": " + e.getMessage(), e);
    }
  }

  /** The server fills in its host name where a file of TorchServe 0.12 has a place for it. */
  private static void checkHost(String section, String place, List<String> dimensions)
      throws IOException {
    if (section.equals(FRONTEND) && dimensions.isEmpty()) {
      throw new IOException(
          place + ": there are no dimensions, expected at least that of the host name, the last");
    }
  }

  /** No two metrics may share a name, nor a name under which they are exposed. */
  private static void checkTogether(MetricDefinitions read) throws IOException {
    MetricRegistry trial = new MetricRegistry(1);
    try {
      Stream.concat(read.frontend().stream(), read.model().stream()).forEach(trial::register);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static Set<String> words() {
    Set<String> words = new TreeSet<>();
    for (MetricType type : MetricType.values()) {
      words.add(type.word());
    }
    return words;
  }

  private static void checkKeys(String place, Map<?, ?> map, Set<String> known) throws IOException {
    for (Object key : map.keySet()) {
      if (!known.contains(key)) {
        throw new IOException(
            "%s has the key %s, expected only %s"
                .formatted(place, shown(key), String.join(", ", new TreeSet<>(known))));
      }
    }
  }

  private static Map<?, ?> map(String place, Object value) throws IOException {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw refusal(place, value, "a map");
  }

  private static List<?> list(String place, Object value) throws IOException {
    if (value instanceof List<?> list) {
      return list;
    }
    throw refusal(place, value, "a list");
  }

  private static List<?> optionalList(String place, Object value) throws IOException {
    return value == null ? List.of() : list(place, value);
  }

  private static String text(String place, Object value) throws IOException {
    if (value instanceof String text
        && !text.isBlank()
        && text.chars().noneMatch(Character::isISOControl)) {
      return text;
    }
    throw refusal(place, value, "a text of one line");
  }

  private static IOException refusal(String place, Object value, String expected) {
    return new IOException("%s is %s, expected %s".formatted(place, shown(value), expected));
  }

  private static String shown(Object value) {
    if (value == null) {
      return "missing";
    }
    // Aliases may make a small file print without end.
    if (value instanceof Map || value instanceof List) {
      return value instanceof Map ? "a map" : "a list";
    }
    String text = PrintableText.of(String.valueOf(value));
    return value instanceof String ? "'" + text + "'" : text;
  }
}
