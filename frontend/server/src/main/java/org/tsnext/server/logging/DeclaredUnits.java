package org.tsnext.server.logging;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tsnext.archive.SafeYaml;

/**
 * The units that {@code metrics_config} declares for model metrics. Log lines show a metric's
 * declared unit, whatever word its handler used.
 */
public final class DeclaredUnits {
  private DeclaredUnits() {}

  /**
   * Reads the units from a file.
   *
   * @return metric name to unit
   * @throws IOException if it cannot be read or does not have the form of a metrics file
   */
  public static Map<String, String> read(Path file) throws IOException {
    Map<String, String> units = new HashMap<>();
    Object document = load(file);
    Object models = document == null ? null : map(document, "the file").get("model_metrics");
    for (Object metrics : models == null ? List.of() : map(models, "model_metrics").values()) {
      for (Object metric : metrics == null ? List.of() : list(metrics)) {
        Map<?, ?> fields = map(metric, "a metric");
        units.put(text(fields, "name"), text(fields, "unit"));
      }
    }
    return Map.copyOf(units);
  }

  private static Object load(Path file) throws IOException {
    if (Files.size(file) > SafeYaml.MAX_LENGTH) {
      throw new IOException(
          "it has %d bytes, expected at most %d".formatted(Files.size(file), SafeYaml.MAX_LENGTH));
    }
    try {
      return SafeYaml.load(Files.readString(file));
    } catch (SafeYaml.InvalidYamlException e) {
      throw new IOException("it is not YAML: " + e.getMessage(), e);
    }
  }

  private static Map<?, ?> map(Object value, String what) throws IOException {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new IOException(what + " is " + shown(value) + ", expected a map");
  }

  private static List<?> list(Object value) throws IOException {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new IOException("metrics are " + shown(value) + ", expected a list");
  }

  private static String text(Map<?, ?> fields, String name) throws IOException {
    Object value = fields.get(name);
    if (value instanceof String text && !text.isBlank()) {
      return text;
    }
    throw new IOException("the " + name + " of a metric is " + shown(value) + ", expected a text");
  }

  /** Aliases may make a small file print without end. */
  private static String shown(Object value) {
    return value instanceof Map ? "a map" : value instanceof List ? "a list" : "" + value;
  }
}
