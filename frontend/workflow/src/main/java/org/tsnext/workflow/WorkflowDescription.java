package org.tsnext.workflow;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.WorkflowSpec;

/**
 * Everything that is told about one workflow.
 *
 * @param url as it was asked for, without secrets
 * @param defaults what holds for models that say nothing else
 * @param dag the nodes that come after each node
 */
public record WorkflowDescription(
    String name,
    String url,
    WorkflowSpec.Options defaults,
    Map<String, List<String>> dag,
    List<Node> nodes) {

  public WorkflowDescription {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(url, "url");
    Objects.requireNonNull(defaults, "defaults");
    Objects.requireNonNull(dag, "dag");
    nodes = List.copyOf(nodes);
  }

  /**
   * A node.
   *
   * @param modelName under which its model is registered
   * @param url of its model; empty for a function
   */
  public record Node(
      String name, String modelName, Optional<String> url, WorkflowSpec.Options options) {}
}
