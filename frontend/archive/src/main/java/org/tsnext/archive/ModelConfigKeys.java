package org.tsnext.archive;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The top-level keys of model-config.yaml that mean something. */
public final class ModelConfigKeys {

  /** Keys the frontend reads. */
  static final Set<String> FRONTEND =
      Set.of(
          "minWorkers",
          "maxWorkers",
          "batchSize",
          "maxBatchDelay",
          "responseTimeout",
          "startupTimeout",
          "deviceType",
          "deviceIds",
          "parallelType",
          "parallelLevel",
          "torchrun",
          "useJobTicket",
          "maxRetryTimeoutInSec",
          "clientTimeoutInMills",
          "jobQueueSize",
          "continuousBatching",
          "sequenceBatching",
          "sequenceMaxIdleMSec",
          "sequenceTimeoutMSec",
          "maxNumSequence",
          "maxSequenceJobQueueSize",
          "asyncCommunication",
          "useVenv",
          "retryOnWorkerDeath",
          "workerStart",
          "preloadModel");

  /** Sections that bundled Python code reads. */
  static final Set<String> PYTHON =
      Set.of("handler", "pt2", "micro_batching", "pippy", "deepspeed", "dali");

  private ModelConfigKeys() {}

  static boolean isKnown(String key) {
    return FRONTEND.contains(key) || PYTHON.contains(key);
  }

  /** The known key that {@code unknownKey} was most likely meant to be, for a warning. */
  public static Optional<String> suggestionFor(String unknownKey) {
    String word = plain(unknownKey);
    int limit = Math.max(1, word.length() / 4);
    Optional<String> nearest = Optional.empty();
    int nearestDistance = limit + 1;
    Set<String> known = new TreeSet<>(FRONTEND);
    known.addAll(PYTHON);
    for (String key : known) {
      int distance = distance(word, plain(key));
      if (distance < nearestDistance) {
        nearest = Optional.of(key);
        nearestDistance = distance;
      }
    }
    return nearest;
  }

  /** One line per unknown key, with a suggestion where there is one. */
  public static List<String> warningsFor(ModelConfig config) {
    return config.unknownKeys().stream()
        .map(
            key ->
                "model-config.yaml has the key '"
                    + key
                    + "', which only the handler may know"
                    + suggestionFor(key).map(s -> "; did you mean '" + s + "'?").orElse(""))
        .toList();
  }

  private static String plain(String key) {
    return key.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
  }

  /** Edits (insert, delete, replace) that lead from one word to the other. */
  private static int distance(String from, String to) {
    int[] previous = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int[] current = new int[to.length() + 1];
      current[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int replace = previous[j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        current[j] = Math.min(replace, 1 + Math.min(previous[j], current[j - 1]));
      }
      previous = current;
    }
    return previous[to.length()];
  }
}
