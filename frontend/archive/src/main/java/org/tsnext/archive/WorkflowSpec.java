package org.tsnext.archive;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The specification of a workflow: which models it has, and which node's answer goes where.
 *
 * @param models nodes that are models, by name, in the order of the file
 * @param dag the nodes that each node's answer goes to, in the order of the file; a node that is
 *     not in {@code models} is a function
 * @param defaults what holds for models that say nothing else
 */
public record WorkflowSpec(
    Map<String, ModelNode> models, Map<String, List<String>> dag, Options defaults) {

  /**
   * A node that is a model.
   *
   * @param url as in a registration
   */
  public record ModelNode(String url, Options options) {

    public ModelNode {
      Objects.requireNonNull(url, "url");
      Objects.requireNonNull(options, "options");
    }
  }

  /**
   * How a node runs.
   *
   * @param retryAttempts tries after the first one
   * @param timeout of one try
   */
  public record Options(
      int minWorkers,
      int maxWorkers,
      int batchSize,
      Duration maxBatchDelay,
      int retryAttempts,
      Duration timeout) {

    /** Those of TorchServe 0.12. */
    public static final Options DEFAULTS =
        new Options(1, 1, 1, Duration.ofMillis(50), 1, Duration.ofSeconds(10));

    public Options {
      Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
      Objects.requireNonNull(timeout, "timeout");
    }
  }

  public WorkflowSpec {
    models = Collections.unmodifiableMap(new LinkedHashMap<>(models));
    Map<String, List<String>> copy = new LinkedHashMap<>();
    dag.forEach(
        (node, next) -> copy.put(node, Collections.unmodifiableList(new ArrayList<>(next))));
    dag = Collections.unmodifiableMap(copy);
    Objects.requireNonNull(defaults, "defaults");
  }
}
