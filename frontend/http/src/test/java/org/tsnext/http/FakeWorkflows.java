package org.tsnext.http;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.tsnext.archive.WorkflowSpec;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.workflow.RegisterWorkflow;
import org.tsnext.workflow.WorkflowDescription;
import org.tsnext.workflow.WorkflowService;

/** The door for workflows: knows {@code pipe}, which asks the door for inference. */
final class FakeWorkflows implements WorkflowService {

  private static final WorkflowSpec.Options OPTIONS =
      new WorkflowSpec.Options(1, 2, 4, Duration.ofMillis(50), 1, Duration.ofSeconds(10));

  final BlockingQueue<RegisterWorkflow> registrations = new LinkedBlockingQueue<>();
  private final InferenceService inference;

  FakeWorkflows(InferenceService inference) {
    this.inference = inference;
  }

  @Override
  public CompletableFuture<String> register(RegisterWorkflow registration) {
    registrations.add(registration);
    return CompletableFuture.completedFuture("pipe");
  }

  @Override
  public CompletableFuture<Void> unregister(String name) {
    return name.equals("pipe")
        ? CompletableFuture.completedFuture(null)
        : CompletableFuture.failedFuture(notFound(name));
  }

  @Override
  public List<WorkflowEntry> list() {
    return List.of(new WorkflowEntry("pipe", "pipe.war"), new WorkflowEntry("tree", "tree.war"));
  }

  @Override
  public WorkflowDescription describe(String name) {
    if (!name.equals("pipe")) {
      throw notFound(name);
    }
    Map<String, List<String>> dag = new LinkedHashMap<>();
    dag.put("pre", List.of("m1"));
    dag.put("m1", List.of("post"));
    dag.put("post", List.of());
    return new WorkflowDescription(
        name,
        "pipe.war",
        OPTIONS,
        dag,
        List.of(
            new WorkflowDescription.Node(
                "pre", "pipe__pre", Optional.empty(), WorkflowSpec.Options.DEFAULTS),
            new WorkflowDescription.Node("m1", "pipe__m1", Optional.of("m1.mar"), OPTIONS)));
  }

  @Override
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    return inference.submit(request, sink);
  }

  private static ServingException notFound(String name) {
    return new ServingException(ErrorKind.WORKFLOW_NOT_FOUND, "Workflow not found: " + name);
  }
}
