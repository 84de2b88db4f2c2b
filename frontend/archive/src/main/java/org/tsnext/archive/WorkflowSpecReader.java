package org.tsnext.archive;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException.Reason;
import org.tsnext.archive.WorkflowSpec.ModelNode;
import org.tsnext.archive.WorkflowSpec.Options;

/**
 * Reads the YAML specification of a workflow, in the format of TorchServe 0.12. Values for all
 * models count wherever they stand among them; 0.12 applied them to later models only.
 */
public final class WorkflowSpecReader {

  /** Nodes of a workflow, at most. */
  public static final int MAX_NODES = 64;

  private static final Logger LOGGER = LoggerFactory.getLogger(WorkflowSpecReader.class);

  private static final int MAX_COUNT = 1000;
  private static final int MAX_RETRIES = 100;
  private static final int MAX_MILLIS = 24 * 60 * 60 * 1000;

  private static final Set<String> OPTIONS =
      Set.of(
          "min-workers",
          "max-workers",
          "batch-size",
          "max-batch-delay",
          "retry-attempts",
          "timeout-ms");

  /**
   * The specification in {@code directory}.
   *
   * @param file its name there
   * @throws ArchiveException naming the file, the key, the value and what was expected
   */
  public WorkflowSpec read(Path directory, String file) throws ArchiveException {
    Path path = directory.resolve(file);
    if (!Files.isRegularFile(path)) {
      throw new ArchiveException(
          Reason.INVALID,
          "The specification "
              + PrintableText.of(file)
              + ", which the manifest names, is not in the archive");
    }
    return parse(BoundedFile.read(path, PrintableText.of(file)), PrintableText.of(file));
  }

  WorkflowSpec parse(String text, String file) throws ArchiveException {
    Object root;
    try {
      root = SafeYaml.load(text);
    } catch (SafeYaml.InvalidYamlException e) {
      throw new ArchiveException(Reason.INVALID, file + " is not valid: " + e.getMessage(), e);
    }
    if (!(root instanceof Map<?, ?> top)) {
      throw new ArchiveException(
          Reason.INVALID, file + " is not a map, expected the keys models and dag");
    }
    Map<?, ?> models = section(file, top, "models");
    Map<?, ?> dag = section(file, top, "dag");
    Map<String, Object> globals = new LinkedHashMap<>();
    Map<String, Map<?, ?>> nodes = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : models.entrySet()) {
      String key = String.valueOf(entry.getKey());
      if (entry.getValue() instanceof Map<?, ?> node) {
        nodes.put(key, node);
      } else if (OPTIONS.contains(key)) {
        globals.put(key, entry.getValue());
      } else {
        throw values(file, "models.", models)
            .refuse(key, entry.getValue(), "a map with the url of a model");
      }
    }
    Options defaults = options(values(file, "models.", globals), Options.DEFAULTS);
    Map<String, ModelNode> read = new LinkedHashMap<>();
    for (Map.Entry<String, Map<?, ?>> node : nodes.entrySet()) {
      read.put(node.getKey(), node(file, node.getKey(), node.getValue(), defaults));
    }
    WorkflowSpec spec = new WorkflowSpec(read, edges(file, dag), defaults);
    for (String unused : read.keySet()) {
      if (!spec.dag().containsKey(unused)) {
        LOGGER.warn(
            "{}: the model {} is not in dag and is not loaded", file, PrintableText.of(unused));
      }
    }
    return spec;
  }

  private static Map<?, ?> section(String file, Map<?, ?> top, String key) throws ArchiveException {
    if (top.get(key) == null) {
      if (top.containsKey(key) && key.equals("models")) {
        return Map.of();
      }
      throw new ArchiveException(Reason.INVALID, file + " has no " + key + ", expected a map");
    }
    if (top.get(key) instanceof Map<?, ?> section) {
      return section;
    }
    throw values(file, "", top).refuse(key, top.get(key), "a map");
  }

  private static YamlValues values(String file, String prefix, Map<?, ?> map) {
    return new YamlValues(file, prefix, map, new ArrayList<>());
  }

  private static ModelNode node(String file, String name, Map<?, ?> map, Options defaults)
      throws ArchiveException {
    String prefix = "models." + PrintableText.of(name) + ".";
    YamlValues values = values(file, prefix, map);
    if (!(map.get("url") instanceof String url) || url.isBlank()) {
      throw values.refuse("url", map.get("url"), "the name of an archive, or a URL");
    }
    for (Object key : map.keySet()) {
      if (!"url".equals(key) && !OPTIONS.contains(String.valueOf(key))) {
        LOGGER.warn("{}: {}{} is not known and has no effect", file, prefix, key);
      }
    }
    return new ModelNode(url, options(values, defaults));
  }

  /** The defaults of a workflow, or the options of one of its models. */
  private static Options options(YamlValues values, Options absent) throws ArchiveException {
    int min = values.bounded("min-workers", 1, MAX_COUNT, absent.minWorkers());
    int max = values.bounded("max-workers", 1, MAX_COUNT, Math.max(min, absent.maxWorkers()));
    if (max < min) {
      throw values.refuse("max-workers", max, "at least min-workers, which is " + min);
    }
    return new Options(
        min,
        max,
        values.bounded("batch-size", 1, MAX_COUNT, absent.batchSize()),
        millis(values, "max-batch-delay", 0, absent.maxBatchDelay()),
        values.bounded("retry-attempts", 0, MAX_RETRIES, absent.retryAttempts()),
        millis(values, "timeout-ms", 1, absent.timeout()));
  }

  private static Duration millis(YamlValues values, String key, int min, Duration absent)
      throws ArchiveException {
    return Duration.ofMillis(values.bounded(key, min, MAX_MILLIS, (int) absent.toMillis()));
  }

  private static Map<String, List<String>> edges(String file, Map<?, ?> dag)
      throws ArchiveException {
    YamlValues values = values(file, "dag.", dag);
    Map<String, List<String>> edges = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : dag.entrySet()) {
      String node = String.valueOf(entry.getKey());
      List<String> next = new ArrayList<>();
      if (entry.getValue() instanceof List<?> list) {
        for (Object child : list) {
          if (child instanceof Map || child instanceof List) {
            throw values.refuse(node, child, "in its list names of nodes");
          }
          if (child != null && !String.valueOf(child).isEmpty()) {
            next.add(String.valueOf(child));
          }
        }
      } else if (entry.getValue() != null) {
        throw values.refuse(node, entry.getValue(), "a list of the nodes that come next");
      }
      edges.put(node, next);
    }
    for (List<String> next : List.copyOf(edges.values())) {
      next.forEach(child -> edges.putIfAbsent(child, new ArrayList<>()));
    }
    if (edges.size() > MAX_NODES) {
      throw new ArchiveException(
          Reason.INVALID,
          file + ": dag has " + edges.size() + " nodes, expected at most " + MAX_NODES);
    }
    return edges;
  }
}
