package org.tsnext.jobs.job;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.request.InferenceRequest;

/**
 * What a job is from its beginning.
 *
 * @param id 32 hexadecimal digits; who knows it, and has a token, can read the job
 * @param name of the model or the workflow
 * @param version empty for the default one
 * @param requestBytes of its inputs
 */
public record JobTicket(
    String id,
    JobTarget target,
    String name,
    Optional<String> version,
    String requestId,
    Instant created,
    long requestBytes) {

  public JobTicket {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(requestId, "requestId");
    Objects.requireNonNull(created, "created");
  }

  /** The ticket of a new job. */
  public static JobTicket of(
      String id, JobTarget target, InferenceRequest request, Instant created) {
    return new JobTicket(
        id,
        target,
        request.modelName(),
        request.version(),
        request.id(),
        created,
        request.parts().stream().mapToLong(part -> part.value().readableBytes()).sum());
  }
}
