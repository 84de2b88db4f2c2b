package org.tsnext.server.logging;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * The units that {@code metrics_config} declares for model metrics. Log lines show a metric's
 * declared unit, whatever word its handler used.
 */
public final class DeclaredUnits {
  private static final int LARGEST_FILE = 1 << 20;

  private DeclaredUnits() {}

  /**
   * Reads the units from a file.
   *
   * @return metric name to unit
   * @throws IOException if it cannot be read or does not have the form of a metrics file
   */
  public static Map<String, String> read(Path file) throws IOException {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(LARGEST_FILE);
    Map<String, String> units = new HashMap<>();
    try (InputStream in = Files.newInputStream(file)) {
      Object document = new Yaml(new SafeConstructor(options)).load(in);
      Object models = document == null ? null : map(document, "the file").get("model_metrics");
      for (Object metrics : models == null ? List.of() : map(models, "model_metrics").values()) {
        for (Object metric : metrics == null ? List.of() : list(metrics)) {
          Map<?, ?> fields = map(metric, "a metric");
          units.put(text(fields, "name"), text(fields, "unit"));
        }
      }
    } catch (YAMLException e) {
      throw new IOException("it is not YAML: " + e.getMessage(), e);
    }
    return Map.copyOf(units);
  }

  private static Map<?, ?> map(Object value, String what) throws IOException {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new IOException(what + " is " + value + ", expected a map");
  }

  private static List<?> list(Object value) throws IOException {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new IOException("metrics are " + value + ", expected a list");
  }

  private static String text(Map<?, ?> fields, String name) throws IOException {
    Object value = fields.get(name);
    if (value instanceof String text && !text.isBlank()) {
      return text;
    }
    throw new IOException("the " + name + " of a metric is " + value + ", expected a text");
  }
}
