package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.WorkflowSpec;
import org.tsnext.core.inference.InferenceService.InferenceCall;

/** What a run knows of a node that has not responded yet. Used in the turn of the run alone. */
final class NodeRun {

  private final WorkflowNode node;
  private final Map<String, ByteBuf> inputs = new LinkedHashMap<>();
  private int tries;
  private Duration limit = Duration.ZERO;
  private InferenceCall call = () -> {};
  private Optional<CollectingSink> collecting = Optional.empty();

  NodeRun(WorkflowNode node) {
    this.node = Objects.requireNonNull(node, "node");
  }

  WorkflowNode node() {
    return node;
  }

  String name() {
    return node.name();
  }

  String modelName() {
    return node.modelName();
  }

  WorkflowSpec.Options options() {
    return node.options();
  }

  /** What the nodes before it have responded, by their names; owned by this. */
  Map<String, ByteBuf> inputs() {
    return inputs;
  }

  /** How often it has been asked. */
  int tries() {
    return tries;
  }

  /**
   * Another try begins.
   *
   * @param limit how long it may take
   */
  void begin(Duration limit) {
    tries++;
    this.limit = limit;
  }

  /**
   * What to tell of a try that took too long: nothing if the client had less time than the node.
   */
  String timeoutHint() {
    return limit.equals(options().timeout())
        ? "The node has timeout-ms " + limit.toMillis() + "."
        : "";
  }

  /** The response of the newest try is put together there. */
  void collects(CollectingSink newest) {
    collecting = Optional.of(newest);
  }

  /** The request of the newest try. */
  void asked(InferenceCall newest) {
    call = newest;
  }

  /** Cancels the newest try, and releases what it was given and has responded. */
  void stop() {
    releaseInputs();
    call.cancel();
    collecting.ifPresent(CollectingSink::discard);
  }

  void releaseInputs() {
    inputs.values().forEach(ByteBuf::release);
    inputs.clear();
  }
}
