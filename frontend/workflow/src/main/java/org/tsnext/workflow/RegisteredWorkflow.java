package org.tsnext.workflow;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** A workflow that can be asked, and the runs of it. Thread-safe. */
final class RegisteredWorkflow {

  private final WorkflowFiles.Opened opened;
  private final boolean oneLeaf;
  private final CompletableFuture<Void> idle = new CompletableFuture<>();

  @GuardedBy("this")
  private int runs;

  @GuardedBy("this")
  private boolean leaving;

  RegisteredWorkflow(WorkflowFiles.Opened opened) {
    this.opened = Objects.requireNonNull(opened, "opened");
    this.oneLeaf = opened.graph().children().values().stream().filter(List::isEmpty).count() == 1;
  }

  WorkflowFiles.Opened opened() {
    return opened;
  }

  WorkflowGraph graph() {
    return opened.graph();
  }

  /** Whether no node comes after that one. */
  boolean isLeaf(String node) {
    return graph().childrenOf(node).isEmpty();
  }

  /** Whether that node alone makes the response. */
  boolean isOnlyLeaf(String node) {
    return oneLeaf && isLeaf(node);
  }

  /**
   * Begins a run, which {@link #runEnded} ends.
   *
   * @throws ServingException WORKFLOW_NOT_FOUND if the workflow is about to go
   */
  synchronized void beginRun() {
    if (leaving) {
      throw notFound(opened.name());
    }
    runs++;
  }

  synchronized void runEnded() {
    runs--;
    if (leaving && runs == 0) {
      idle.complete(null);
    }
  }

  /**
   * Takes no new runs.
   *
   * @return completes when none is left
   * @throws ServingException WORKFLOW_NOT_FOUND if the workflow is about to go already
   */
  synchronized CompletableFuture<Void> leave() {
    if (leaving) {
      throw notFound(opened.name());
    }
    leaving = true;
    if (runs == 0) {
      idle.complete(null);
    }
    return idle;
  }

  /** The error of a workflow that is not registered. */
  static ServingException notFound(String name) {
    return new ServingException(ErrorKind.WORKFLOW_NOT_FOUND, "Workflow not found: " + name);
  }
}
