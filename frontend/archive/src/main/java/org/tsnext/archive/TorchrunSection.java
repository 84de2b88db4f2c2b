package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.tsnext.archive.ModelConfig.Torchrun;

/** Reads {@code parallelLevel} and the section {@code torchrun} of a model-config.yaml. */
final class TorchrunSection {

  private static final String SECTION = "torchrun";
  private static final String LEVEL = "parallelLevel";
  private static final String PROCESSES = "nproc-per-node";
  private static final String NODES = "nnodes";
  private static final String THREADS = "OMP_NUMBER_THREADS";
  private static final String INTERVAL = "monitor-interval";

  private static final int MAX_THREADS = 1024;
  private static final int MAX_INTERVAL_SECONDS = 3600;

  /** Each worker's processes are on one machine and meet at a port of their own. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "rdzv-backend",
          "rdzv-endpoint",
          "rdzv-conf",
          "rdzv-id",
          "node-rank",
          "master-addr",
          "master-port",
          "max-restarts");

  private static final Set<String> KNOWN = Set.of(PROCESSES, NODES, THREADS, INTERVAL);

  private final YamlValues values;
  private final Map<?, ?> map;

  /**
   * @param values those of the whole file
   * @param map the same, as it was read
   */
  TorchrunSection(YamlValues values, Map<?, ?> map) {
    this.values = values;
    this.map = map;
  }

  /** Of {@code parallelLevel} and {@code torchrun} the later one in the file wins, as in 0.12. */
  int parallelLevel() throws ArchiveException {
    int level = atMost(values, LEVEL, 0, 0, ModelConfig.MAX_RANKS);
    if (!values.has(SECTION)) {
      return level;
    }
    int processes = atMost(values.section(SECTION), PROCESSES, 1, 1, ModelConfig.MAX_RANKS);
    List<Object> keys = new ArrayList<>(map.keySet());
    boolean levelIsLater = keys.indexOf(LEVEL) > keys.indexOf(SECTION);
    return values.has(LEVEL) && levelIsLater ? level : processes;
  }

  Torchrun read(List<String> corrections) throws ArchiveException {
    if (!values.has(SECTION)) {
      return Torchrun.DEFAULT;
    }
    YamlValues section = values.section(SECTION);
    if (map.get(SECTION) instanceof Map<?, ?> keys) {
      keys.keySet().forEach(key -> warn(String.valueOf(key), corrections));
    }
    OptionalInt interval =
        section.has(INTERVAL)
            ? OptionalInt.of(atMost(section, INTERVAL, 1, 1, MAX_INTERVAL_SECONDS))
            : OptionalInt.empty();
    return new Torchrun(
        section.integer(NODES, 1, 1), atMost(section, THREADS, 1, 1, MAX_THREADS), interval);
  }

  private static void warn(String key, List<String> corrections) {
    if (KNOWN.contains(key)) {
      return;
    }
    String reason =
        WITHOUT_EFFECT.contains(key)
            ? "the processes of a worker are on one machine, meet at a port of their own, and the"
                + " server restarts them"
            : "it is none of " + String.join(", ", KNOWN.stream().sorted().toList());
    corrections.add(
        "model-config.yaml: torchrun.%s has no effect, since %s"
            .formatted(PrintableText.of(key), reason));
  }

  private static int atMost(YamlValues of, String key, int min, int absent, int max)
      throws ArchiveException {
    int value = of.integer(key, min, absent);
    if (value > max) {
      throw of.refuse(key, value, "a whole number from " + min + " to " + max);
    }
    return value;
  }
}
