package org.tsnext.http;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.console.ConsoleSource;
import org.tsnext.workflow.WorkflowService;

/**
 * The doors that the listeners lead to.
 *
 * @param console what the web pages show; empty if there are none
 */
public record HttpServices(
    InferenceService inference,
    ModelService models,
    WorkflowService workflows,
    Optional<ConsoleSource> console) {

  public HttpServices {
    Objects.requireNonNull(inference, "inference");
    Objects.requireNonNull(models, "models");
    Objects.requireNonNull(workflows, "workflows");
    Objects.requireNonNull(console, "console");
  }

  /** Without web pages. */
  public HttpServices(InferenceService inference, ModelService models, WorkflowService workflows) {
    this(inference, models, workflows, Optional.empty());
  }
}
