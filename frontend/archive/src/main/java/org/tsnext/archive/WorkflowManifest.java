package org.tsnext.archive;

import java.util.Objects;
import java.util.Optional;

/**
 * What {@code WAR-INF/MANIFEST.json} says of a workflow. Unknown fields are ignored.
 *
 * @param specFile the specification, within the workflow's folder
 * @param handler the Python file with the functions, within the workflow's folder; empty if all
 *     nodes are models
 */
public record WorkflowManifest(String workflowName, String specFile, Optional<String> handler) {

  public WorkflowManifest {
    Objects.requireNonNull(workflowName, "workflowName");
    Objects.requireNonNull(specFile, "specFile");
    Objects.requireNonNull(handler, "handler");
  }
}
