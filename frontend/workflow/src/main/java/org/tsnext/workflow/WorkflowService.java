package org.tsnext.workflow;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;

/**
 * The one door for workflows. Slow work runs on its own threads; futures complete there,
 * exceptionally with a {@link org.tsnext.core.error.ServingException}. The queries answer at once
 * and throw it.
 */
public interface WorkflowService {

  /**
   * Registers a workflow: all its nodes become models, and their workers have loaded when the
   * future completes. Undone entirely if it fails.
   *
   * @return the name of the workflow
   */
  CompletableFuture<String> register(RegisterWorkflow registration);

  /** Takes no new requests, lets those that run end, and removes the nodes. */
  CompletableFuture<Void> unregister(String name);

  /** All workflows, sorted by name. */
  List<WorkflowEntry> list();

  WorkflowDescription describe(String name);

  /**
   * Runs a workflow, as {@code InferenceService.submit} runs a model.
   *
   * @param request with the name of the workflow in place of a model's; taken over
   */
  InferenceCall submit(InferenceRequest request, ResponseSink sink);

  /**
   * A line of the list.
   *
   * @param url as it was asked for, without secrets
   */
  record WorkflowEntry(String name, String url) {}
}
