package org.tsnext.workflow;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * A registration of a workflow.
 *
 * @param url the name of an archive in the workflow store, or a URL; {@code #sha256=<digest>} may
 *     follow
 * @param workflowName empty for the manifest's
 * @param responseTimeout of every node's workers
 * @param startupTimeout of every node's workers
 * @param s3SseKms whether a download is signed with the server's AWS credentials
 */
public record RegisterWorkflow(
    String url,
    Optional<String> workflowName,
    Duration responseTimeout,
    Duration startupTimeout,
    boolean s3SseKms) {

  public RegisterWorkflow {
    Objects.requireNonNull(url, "url");
    Objects.requireNonNull(workflowName, "workflowName");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
  }
}
