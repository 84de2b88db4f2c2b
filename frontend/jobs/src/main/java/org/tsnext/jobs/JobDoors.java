package org.tsnext.jobs;

import java.util.Objects;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.jobs.job.JobTarget;

/**
 * Where the requests of jobs go.
 *
 * @param workflows runs them as the core runs models
 */
public record JobDoors(InferenceService models, InferenceService workflows) {

  public JobDoors {
    Objects.requireNonNull(models, "models");
    Objects.requireNonNull(workflows, "workflows");
  }

  InferenceService of(JobTarget target) {
    return switch (target) {
      case MODEL -> models;
      case WORKFLOW -> workflows;
    };
  }
}
