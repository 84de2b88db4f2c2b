package org.tsnext.workflow;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;

/** Registers the nodes of workflows as models, and removes them. Thread-safe. */
final class NodeModels {

  /** Nodes that are loaded at the same time, as in TorchServe 0.12. */
  private static final int AT_ONCE = 4;

  private final ModelService models;
  private final Executor executor;
  private final boolean startMaxWorkers;

  /**
   * @param executor runs what follows after a registration
   * @param startMaxWorkers whether a node starts with max-workers, as in TorchServe 0.12
   */
  NodeModels(ModelService models, Executor executor, boolean startMaxWorkers) {
    this.models = Objects.requireNonNull(models, "models");
    this.executor = Objects.requireNonNull(executor, "executor");
    this.startMaxWorkers = startMaxWorkers;
  }

  /** How a registration of nodes went: which of them are there, and why others are not. */
  private static final class Progress {
    private final Queue<WorkflowNode> registered = new ConcurrentLinkedQueue<>();
    private final Queue<Failure> failures = new ConcurrentLinkedQueue<>();
  }

  private record Failure(WorkflowNode node, ServingException why) {}

  /**
   * Registers all nodes and waits for their workers. If one fails, those that are there are removed
   * again.
   *
   * @return fails with WORKFLOW_NOT_REGISTERED, which names each node that failed
   */
  CompletableFuture<Void> register(
      String workflow, List<WorkflowNode> nodes, RegisterWorkflow registration) {
    Progress progress = new Progress();
    Iterator<WorkflowNode> queue = nodes.iterator();
    List<CompletableFuture<Void>> lanes = new ArrayList<>();
    for (int i = 0; i < Math.min(AT_ONCE, nodes.size()); i++) {
      lanes.add(next(queue, registration, progress));
    }
    return CompletableFuture.allOf(lanes.toArray(CompletableFuture<?>[]::new))
        .thenCompose(
            none ->
                progress.failures.isEmpty()
                    ? CompletableFuture.completedFuture(null)
                    : removeAll(List.copyOf(progress.registered))
                        .thenCompose(
                            removed ->
                                CompletableFuture.failedFuture(
                                    notRegistered(workflow, progress.failures))));
  }

  /** Takes the next node, and then the one after it, until one has failed. */
  private CompletableFuture<Void> next(
      Iterator<WorkflowNode> queue, RegisterWorkflow registration, Progress progress) {
    WorkflowNode node;
    synchronized (queue) {
      if (!queue.hasNext() || !progress.failures.isEmpty()) {
        return CompletableFuture.completedFuture(null);
      }
      node = queue.next();
    }
    return register(node, registration)
        .<Void>handle(
            (done, failure) -> {
              if (failure == null) {
                progress.registered.add(node);
              } else {
                progress.failures.add(new Failure(node, servingException(failure)));
              }
              return null;
            })
        .thenComposeAsync(none -> next(queue, registration, progress), executor);
  }

  private CompletableFuture<Void> register(WorkflowNode node, RegisterWorkflow registration) {
    int min = startMaxWorkers ? node.options().maxWorkers() : node.options().minWorkers();
    int max = node.options().maxWorkers();
    RegisterModel.Requested requested =
        new RegisterModel.Requested(
            OptionalInt.of(node.options().batchSize()),
            Optional.of(node.options().maxBatchDelay()),
            OptionalInt.of(min),
            Optional.of(registration.responseTimeout()),
            Optional.of(registration.startupTimeout()));
    return models
        .register(registerModel(node, requested, registration.s3SseKms()))
        .thenCompose(
            done ->
                max == min
                    ? CompletableFuture.<Void>completedFuture(null)
                    : models
                        .scale(
                            node.modelName(),
                            Optional.empty(),
                            new ScaleModel(min, max, false, Optional.empty()))
                        .<Void>thenApply(scaled -> null));
  }

  private static RegisterModel registerModel(
      WorkflowNode node, RegisterModel.Requested requested, boolean s3SseKms) {
    if (node.source() instanceof WorkflowNode.Function function) {
      return new RegisterModel(
          new RegisterModel.Source(function.folder(), false),
          Optional.of(node.modelName()),
          Optional.of(function.handler()),
          Optional.empty(),
          requested,
          RegisterModel.Origin.WORKFLOW_FUNCTION,
          true);
    }
    return new RegisterModel(
        new RegisterModel.Source(node.url().orElseThrow(), s3SseKms),
        Optional.of(node.modelName()),
        Optional.empty(),
        Optional.empty(),
        requested,
        RegisterModel.Origin.WORKFLOW_MODEL,
        true);
  }

  /**
   * Removes the models of nodes; one that is gone already is none of the failures.
   *
   * @return the failures
   */
  CompletableFuture<List<ServingException>> removeAll(List<WorkflowNode> nodes) {
    Queue<ServingException> failures = new ConcurrentLinkedQueue<>();
    return CompletableFuture.allOf(
            nodes.stream()
                .map(
                    node ->
                        models
                            .unregister(node.modelName(), Optional.empty())
                            .exceptionally(
                                failure -> {
                                  ServingException why = servingException(failure);
                                  if (why.kind() != ErrorKind.MODEL_NOT_FOUND) {
                                    failures.add(why);
                                  }
                                  return null;
                                }))
                .toArray(CompletableFuture<?>[]::new))
        .thenApply(none -> List.copyOf(failures));
  }

  private static ServingException notRegistered(String workflow, Queue<Failure> failures) {
    List<String> texts =
        failures.stream()
            .map(failure -> failure.node().name() + ": " + failure.why().getMessage())
            .toList();
    List<String> details =
        failures.stream()
            .flatMap(
                failure ->
                    failure
                        .why()
                        .detail()
                        .map(text -> failure.node().name() + ": " + text)
                        .stream())
            .toList();
    ServingException error =
        new ServingException(
            ErrorKind.WORKFLOW_NOT_REGISTERED,
            "Workflow " + workflow + " has failed to register. Failures: " + texts);
    return details.isEmpty() ? error : error.withDetail(String.join("; ", details));
  }

  private static ServingException servingException(Throwable failure) {
    return ServingException.of(failure, ServingException::internal);
  }
}
