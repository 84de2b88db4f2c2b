package org.tsnext.http;

import java.util.Objects;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.workflow.WorkflowService;

/** The doors that the listeners lead to. */
public record HttpServices(
    InferenceService inference, ModelService models, WorkflowService workflows) {

  public HttpServices {
    Objects.requireNonNull(inference, "inference");
    Objects.requireNonNull(models, "models");
    Objects.requireNonNull(workflows, "workflows");
  }
}
