package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ServingCore;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/**
 * One request on its way through the graph of a workflow. A node is asked as soon as all its
 * parents have responded; nodes that do not wait for one another run at the same time. The first
 * failure that no retry mends ends the run, and the requests that are still under way are
 * cancelled.
 *
 * <p>Everything but the constructor runs in the turn of {@link #turn}, one task at a time, mostly
 * on the thread that brought the response of a node.
 */
final class WorkflowRun implements InferenceCall {

  private static final Logger LOGGER = LoggerFactory.getLogger(WorkflowRun.class);

  /** A workflow's answer to an error that may be over soon. */
  private static final Duration RETRY_PAUSE = Duration.ofMillis(100);

  /**
   * What holds for all runs.
   *
   * @param maxInputBytes of one node
   * @param originalResponse whether the head of the last node's response is lost, as in TorchServe
   *     0.12
   */
  record Rules(int maxInputBytes, boolean originalResponse) {}

  private final RegisteredWorkflow workflow;
  private final InferenceService inference;
  private final ServingCore.Execution execution;
  private final Rules rules;
  private final InferenceRequest request;
  private final ResponseSink sink;
  private final Optional<Long> deadlineNanos;
  private final SerialQueue turn = new SerialQueue(Runnable::run, this::broken);

  /** Nodes that have not responded yet, by name. */
  private final Map<String, NodeRun> open = new LinkedHashMap<>();

  private final Map<String, NodeResponse> leaves = new LinkedHashMap<>();
  private boolean requestHeld = true;
  private boolean dispatched;
  private boolean streaming;
  private boolean ended;

  /**
   * @param workflow whose run has begun
   * @param request taken over
   */
  WorkflowRun(
      RegisteredWorkflow workflow,
      InferenceService inference,
      ServingCore.Execution execution,
      Rules rules,
      InferenceRequest request,
      ResponseSink sink) {
    this.workflow = workflow;
    this.inference = inference;
    this.execution = execution;
    this.rules = rules;
    this.request = request;
    this.sink = sink;
    long now = execution.clock().nanoTime();
    this.deadlineNanos = request.timeout().map(timeout -> now + timeout.toNanos());
    for (WorkflowNode node : workflow.opened().nodes()) {
      open.put(node.name(), new NodeRun(node));
    }
  }

  void start() {
    turn.execute(() -> ask(open.get(workflow.graph().start())));
  }

  @Override
  public void cancel() {
    turn.execute(this::finish);
  }

  private void ask(NodeRun node) {
    if (ended) {
      return;
    }
    Duration timeout = node.options().timeout();
    if (deadlineNanos.isPresent()) {
      Duration left = Duration.ofNanos(deadlineNanos.get() - execution.clock().nanoTime());
      if (left.isNegative() || left.isZero()) {
        fail(NodeErrors.named(node.node(), clientTimeout(), ""));
        return;
      }
      timeout = left.compareTo(timeout) < 0 ? left : timeout;
    }
    node.begin(timeout);
    List<InputPart> parts = inputsOf(node);
    long bytes = parts.stream().mapToLong(part -> part.value().readableBytes()).sum();
    if (bytes > rules.maxInputBytes()) {
      parts.forEach(part -> part.value().release());
      fail(named(node, tooLarge(bytes)));
      return;
    }
    node.asked(
        inference.submit(
            new InferenceRequest(
                request.id() + "." + node.name() + (node.tries() > 1 ? "." + node.tries() : ""),
                new InferenceRequest.Target(node.modelName(), Optional.empty()),
                request.kind(),
                request.origin(),
                request.headers(),
                parts,
                Optional.of(timeout)),
            sinkOf(node)));
  }

  /** Owned by the caller; the run keeps its own for another try. */
  private List<InputPart> inputsOf(NodeRun node) {
    List<InputPart> parts = new ArrayList<>();
    if (node.name().equals(workflow.graph().start())) {
      for (InputPart part : request.parts()) {
        parts.add(new InputPart(part.name(), part.contentType(), part.value().retainedDuplicate()));
      }
      return parts;
    }
    boolean alone = node.inputs().size() == 1;
    node.inputs()
        .forEach(
            (parent, body) ->
                parts.add(new InputPart(alone ? "body" : parent, "", body.retainedDuplicate())));
    return parts;
  }

  private ResponseSink sinkOf(NodeRun node) {
    Try events = new Try(node, node.tries());
    if (workflow.isOnlyLeaf(node.name()) && !rules.originalResponse()) {
      return new PassingSink(events);
    }
    CollectingSink collecting = new CollectingSink(events, rules.maxInputBytes());
    node.collects(collecting);
    return collecting;
  }

  /** Brings what happens to one try of a node into the turn of the run. */
  private final class Try implements NodeEvents {
    private final NodeRun node;
    private final int number;

    Try(NodeRun node, int number) {
      this.node = node;
      this.number = number;
    }

    @Override
    public void dispatched() {
      turn.execute(WorkflowRun.this::dispatched);
    }

    @Override
    public void completed(NodeResponse response) {
      turn.execute(() -> responded(node, number, response));
    }

    @Override
    public void failed(ServingException error) {
      turn.execute(() -> nodeFailed(node, number, error));
    }

    @Override
    public void chunk(ResponseHead head, ByteBuf body) {
      turn.execute(
          () -> {
            if (isStale(node, number)) {
              body.release();
            } else {
              streaming = true;
              sink.chunk(head, body);
            }
          });
    }

    @Override
    public void ended(ByteBuf body) {
      turn.execute(
          () -> {
            if (isStale(node, number)) {
              body.release();
            } else {
              finish();
              sink.end(body);
            }
          });
    }
  }

  /** Until a worker has the request of the first node, a failure is a refusal of the run. */
  private void dispatched() {
    if (!ended && !dispatched) {
      dispatched = true;
      sink.dispatched();
    }
  }

  /** Whether the run has ended, or the node was asked again since. */
  private boolean isStale(NodeRun node, int tried) {
    return ended || node.tries() != tried || !open.containsKey(node.name());
  }

  private void responded(NodeRun node, int tried, NodeResponse response) {
    if (isStale(node, tried)) {
      response.body().release();
      return;
    }
    if (response.head().status() >= 400
        && !rules.originalResponse()
        && !workflow.isOnlyLeaf(node.name())) {
      String text = LeafResponses.shown(response.body());
      int status = response.head().status();
      response.body().release();
      nodeFailed(node, tried, ServingException.ofHandler(status, text));
      return;
    }
    open.remove(node.name());
    node.releaseInputs();
    if (node.name().equals(workflow.graph().start())) {
      releaseRequest();
    }
    if (workflow.isLeaf(node.name())) {
      leaves.put(node.name(), response);
      if (open.isEmpty()) {
        complete();
      }
      return;
    }
    passOn(node.name(), response.body());
  }

  /** Gives what a node has responded to those that come after it, and asks those that have all. */
  private void passOn(String name, ByteBuf body) {
    List<NodeRun> complete = new ArrayList<>();
    for (String child : workflow.graph().childrenOf(name)) {
      NodeRun next = open.get(child);
      next.inputs().put(name, body.retainedDuplicate());
      if (next.inputs().size() == workflow.graph().parentsOf(child).size()) {
        complete.add(next);
      }
    }
    body.release();
    complete.forEach(this::ask);
  }

  private void nodeFailed(NodeRun node, int tried, ServingException error) {
    if (isStale(node, tried)) {
      return;
    }
    if (streaming || node.tries() > node.options().retryAttempts() || !mayPass(error)) {
      fail(named(node, error));
    } else if (error.retryAfter().isPresent()) {
      // Until then the answers of this try are stale.
      int next = node.tries();
      execution.scheduler().schedule(RETRY_PAUSE, () -> turn.execute(() -> askAgain(node, next)));
    } else {
      ask(node);
    }
  }

  private void askAgain(NodeRun node, int tried) {
    if (!isStale(node, tried)) {
      ask(node);
    }
  }

  /** Whether another try may end otherwise: not where the client or the workflow is at fault. */
  private static boolean mayPass(ServingException error) {
    return error.httpStatus() >= 500
        && error.kind() != ErrorKind.SHUTTING_DOWN
        && error.kind() != ErrorKind.NOT_SUPPORTED;
  }

  private void complete() {
    Map<String, NodeResponse> responses = new LinkedHashMap<>();
    workflow.opened().spec().dag().keySet().stream()
        .filter(leaves::containsKey)
        .forEach(name -> responses.put(name, leaves.get(name)));
    leaves.clear();
    NodeResponse response;
    try {
      response = LeafResponses.of(responses, rules.originalResponse());
    } catch (ServingException e) {
      fail(e);
      return;
    }
    finish();
    sink.complete(response.head(), response.body());
  }

  private void fail(ServingException error) {
    if (finish()) {
      sink.fail(error);
    }
  }

  /**
   * Ends the run without a word: what runs is cancelled, what is held is released.
   *
   * @return whether it had not ended before
   */
  private boolean finish() {
    if (ended) {
      return false;
    }
    ended = true;
    open.values().forEach(NodeRun::stop);
    open.clear();
    leaves.values().forEach(response -> response.body().release());
    leaves.clear();
    releaseRequest();
    workflow.runEnded();
    return true;
  }

  private void releaseRequest() {
    if (requestHeld) {
      requestHeld = false;
      request.release();
    }
  }

  private void broken(Throwable failure) {
    LOGGER.error("Request {} of workflow {} failed", request.id(), request.modelName(), failure);
    fail(ServingException.internal(failure));
  }

  private ServingException named(NodeRun node, ServingException error) {
    return NodeErrors.named(
        node.node(), error, error.kind() == ErrorKind.CLIENT_TIMEOUT ? node.timeoutHint() : "");
  }

  private ServingException clientTimeout() {
    return new ServingException(
        ErrorKind.CLIENT_TIMEOUT, "The time that the client gave the workflow has passed.");
  }

  private ServingException tooLarge(long bytes) {
    return new ServingException(
        ErrorKind.REQUEST_TOO_LARGE,
        "Its inputs have "
            + bytes
            + " bytes, expected at most max_request_size, "
            + rules.maxInputBytes()
            + ".");
  }
}
