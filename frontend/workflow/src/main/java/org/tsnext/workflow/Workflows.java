package org.tsnext.workflow;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelSource;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.time.Scheduler;

/** The workflows of a server. They come in and out through the doors of the core. Thread-safe. */
public final class Workflows implements WorkflowService {

  private static final Logger LOGGER = LoggerFactory.getLogger(Workflows.class);

  /** Of a request that ended before it began. */
  private static final InferenceCall ENDED = () -> {};

  /** The doors of the core. */
  public record Doors(ModelService models, InferenceService inference) {

    public Doors {
      Objects.requireNonNull(models, "models");
      Objects.requireNonNull(inference, "inference");
    }
  }

  /**
   * What holds for all workflows.
   *
   * @param maxRequestSize bytes of what a node is given, at most
   * @param unregister how long runs may go on after their workflow was unregistered
   */
  public record Limits(int maxRequestSize, Duration unregister) {

    public Limits {
      Objects.requireNonNull(unregister, "unregister");
    }
  }

  private final WorkflowFiles files;
  private final NodeModels nodes;
  private final Doors doors;
  private final ServingCore.Execution execution;
  private final Limits limits;
  private final Compatibility compatibility;

  /** By name; empty while a workflow is being registered or removed. */
  private final Map<String, Optional<RegisteredWorkflow>> workflows = new ConcurrentHashMap<>();

  /**
   * @param source whose store is the workflow store
   */
  public Workflows(
      ModelSource source,
      Doors doors,
      ServingCore.Execution execution,
      Limits limits,
      Compatibility compatibility) {
    this.files = new WorkflowFiles(source);
    this.doors = Objects.requireNonNull(doors, "doors");
    this.execution = Objects.requireNonNull(execution, "execution");
    this.limits = Objects.requireNonNull(limits, "limits");
    this.compatibility = Objects.requireNonNull(compatibility, "compatibility");
    this.nodes =
        new NodeModels(
            doors.models(),
            execution.executor(),
            compatibility.isOriginal(Deviation.WORKFLOW_WORKERS));
  }

  @Override
  public CompletableFuture<String> register(RegisterWorkflow registration) {
    return CompletableFuture.supplyAsync(() -> reserve(registration), execution.executor())
        .thenCompose(opened -> register(opened, registration));
  }

  /** Opens the archive and takes the name, so that no other registration has it. */
  private WorkflowFiles.Opened reserve(RegisterWorkflow registration) {
    registration.workflowName().ifPresent(this::requireFree);
    WorkflowFiles.Opened opened = files.open(registration);
    if (workflows.putIfAbsent(opened.name(), Optional.empty()) != null) {
      files.release(opened);
      throw taken(opened.name());
    }
    return opened;
  }

  private void requireFree(String name) {
    if (workflows.containsKey(name)) {
      throw taken(name);
    }
  }

  private static ServingException taken(String name) {
    return new ServingException(ErrorKind.CONFLICT, "Workflow " + name + " is already registered.");
  }

  private CompletableFuture<String> register(
      WorkflowFiles.Opened opened, RegisterWorkflow registration) {
    String name = opened.name();
    return nodes
        .register(name, opened.nodes(), registration)
        .whenCompleteAsync(
            (done, failure) -> {
              if (failure == null) {
                workflows.put(name, Optional.of(new RegisteredWorkflow(opened)));
                LOGGER.info("Workflow {} loaded, {} nodes.", name, opened.nodes().size());
              } else {
                workflows.remove(name);
                files.release(opened);
              }
            },
            execution.executor())
        .thenApply(done -> name);
  }

  @Override
  public CompletableFuture<Void> unregister(String name) {
    RegisteredWorkflow workflow;
    CompletableFuture<Void> idle;
    try {
      workflow = find(name);
      idle = workflow.leave();
    } catch (ServingException e) {
      return CompletableFuture.failedFuture(e);
    }
    workflows.put(name, Optional.empty());
    Scheduler.Scheduled timeout =
        execution.scheduler().schedule(limits.unregister(), () -> idle.complete(null));
    return idle.thenComposeAsync(
            none -> {
              timeout.cancel();
              return nodes.removeAll(workflow.opened().nodes());
            },
            execution.executor())
        .thenAcceptAsync(
            failures -> {
              workflows.remove(name);
              files.release(workflow.opened());
              if (!failures.isEmpty()) {
                throw failures.get(0);
              }
              LOGGER.info("Workflow {} unregistered.", name);
            },
            execution.executor());
  }

  @Override
  public List<WorkflowEntry> list() {
    return workflows.values().stream()
        .flatMap(Optional::stream)
        .map(found -> new WorkflowEntry(found.opened().name(), found.opened().files().url()))
        .sorted(Comparator.comparing(WorkflowEntry::name))
        .toList();
  }

  @Override
  public WorkflowDescription describe(String name) {
    WorkflowFiles.Opened found = find(name).opened();
    List<WorkflowDescription.Node> described = new ArrayList<>();
    for (WorkflowNode node : found.nodes()) {
      described.add(
          new WorkflowDescription.Node(node.name(), node.modelName(), node.url(), node.options()));
    }
    return new WorkflowDescription(
        name, found.files().url(), found.spec().defaults(), found.spec().dag(), described);
  }

  @Override
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    RegisteredWorkflow workflow;
    try {
      workflow = find(request.modelName());
      workflow.beginRun();
    } catch (ServingException e) {
      request.release();
      sink.fail(e);
      return ENDED;
    }
    WorkflowRun run =
        new WorkflowRun(
            workflow,
            doors.inference(),
            execution,
            new WorkflowRun.Rules(
                limits.maxRequestSize(), compatibility.isOriginal(Deviation.WORKFLOW_RESPONSE)),
            request,
            sink);
    run.start();
    return run;
  }

  private RegisteredWorkflow find(String name) {
    return workflows
        .getOrDefault(name, Optional.empty())
        .orElseThrow(() -> RegisteredWorkflow.notFound(name));
  }
}
