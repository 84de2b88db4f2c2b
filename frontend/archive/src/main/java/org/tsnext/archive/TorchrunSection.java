package org.tsnext.archive;

import java.util.List;
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

  /**
   * @param values those of the whole file
   */
  TorchrunSection(YamlValues values) {
    this.values = values;
  }

  /** Of {@code parallelLevel} and {@code torchrun} the later one in the file wins, as in 0.12. */
  int parallelLevel() throws ArchiveException {
    int level = values.bounded(LEVEL, 0, ModelConfig.MAX_RANKS, 0);
    if (!values.has(SECTION)) {
      return level;
    }
    int processes = values.section(SECTION).bounded(PROCESSES, 1, ModelConfig.MAX_RANKS, 1);
    List<String> keys = values.keys();
    boolean levelIsLater = keys.indexOf(LEVEL) > keys.indexOf(SECTION);
    return values.has(LEVEL) && levelIsLater ? level : processes;
  }

  Torchrun read() throws ArchiveException {
    if (!values.has(SECTION)) {
      return Torchrun.DEFAULT;
    }
    YamlValues section = values.section(SECTION);
    section.keys().forEach(key -> warn(section, key));
    OptionalInt interval =
        section.has(INTERVAL)
            ? OptionalInt.of(section.bounded(INTERVAL, 1, MAX_INTERVAL_SECONDS, 1))
            : OptionalInt.empty();
    return new Torchrun(
        section.integer(NODES, 1, 1), section.bounded(THREADS, 1, MAX_THREADS, 1), interval);
  }

  private static void warn(YamlValues section, String key) {
    if (KNOWN.contains(key)) {
      return;
    }
    String reason =
        WITHOUT_EFFECT.contains(key)
            ? "the processes of a worker are on one machine, meet at a port of their own, and the"
                + " server restarts them"
            : "it is none of " + String.join(", ", KNOWN.stream().sorted().toList());
    section.noEffect(key, reason);
  }
}
