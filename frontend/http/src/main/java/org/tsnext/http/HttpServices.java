package org.tsnext.http;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.console.ConsoleSource;
import org.tsnext.jobs.JobService;
import org.tsnext.workflow.WorkflowService;

/**
 * The doors that the listeners lead to.
 *
 * @param jobs empty if the job API is off
 * @param console what the web pages show; empty if there are none
 */
public record HttpServices(
    InferenceService inference,
    ModelService models,
    WorkflowService workflows,
    Optional<JobService> jobs,
    Optional<ConsoleSource> console) {

  public HttpServices {
    Objects.requireNonNull(inference, "inference");
    Objects.requireNonNull(models, "models");
    Objects.requireNonNull(workflows, "workflows");
    Objects.requireNonNull(jobs, "jobs");
    Objects.requireNonNull(console, "console");
  }

  /** Without jobs and web pages. */
  public HttpServices(InferenceService inference, ModelService models, WorkflowService workflows) {
    this(inference, models, workflows, Optional.empty(), Optional.empty());
  }
}
