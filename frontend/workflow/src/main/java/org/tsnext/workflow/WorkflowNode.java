package org.tsnext.workflow;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.WorkflowSpec;

/**
 * A node of a workflow, and the model that it is.
 *
 * @param modelName under which its model is registered
 * @param source where its model comes from
 */
record WorkflowNode(String name, String modelName, Source source, WorkflowSpec.Options options) {

  WorkflowNode {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(options, "options");
  }

  /** Where a node's model comes from. */
  sealed interface Source {}

  /** An archive of its own. */
  record Archive(String url) implements Source {}

  /**
   * A function of the workflow's handler file.
   *
   * @param folder with the workflow's files
   * @param handler the file and the function, as {@code file.py:function}
   */
  record Function(String folder, String handler) implements Source {}

  /** The URL of its model; empty for a function. */
  Optional<String> url() {
    return source instanceof Archive archive ? Optional.of(archive.url()) : Optional.empty();
  }
}
