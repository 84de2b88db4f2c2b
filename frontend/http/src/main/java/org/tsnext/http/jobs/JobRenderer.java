package org.tsnext.http.jobs;

import com.google.gson.JsonObject;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.HandlerResponseHeaders;
import org.tsnext.http.response.Response;
import org.tsnext.jobs.JobDescription;
import org.tsnext.jobs.JobResult;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobTarget;
import org.tsnext.jobs.job.JobTicket;

/** Jobs as JSON, and their results as the responses that they are. */
final class JobRenderer {

  static final String FOLDER = "/jobs/";

  /** When to ask again about a job that has not ended. */
  private static final Header RETRY_AFTER = new Header("retry-after", "1");

  private final ErrorRenderer errors;

  /**
   * @param form how the error of a job looks
   */
  JobRenderer(ErrorForm form) {
    this.errors = new ErrorRenderer(form, false);
  }

  /** 202: the job has begun, or goes on. */
  Response accepted(JobDescription job, List<Header> more) {
    List<Header> headers = new ArrayList<>(more);
    headers.add(new Header("location", FOLDER + job.ticket().id()));
    headers.add(RETRY_AFTER);
    return Response.json(202, headers, json(job));
  }

  /** 200: the job as it is. */
  Response described(JobDescription job, List<Header> more) {
    List<Header> headers = new ArrayList<>(more);
    if (!job.status().isEnd()) {
      headers.add(RETRY_AFTER);
    }
    return Response.json(200, headers, json(job));
  }

  /**
   * The response of the model.
   *
   * @throws org.tsnext.core.error.ServingException if its head is none that HTTP can carry; the
   *     body is released
   */
  Response result(JobResult result, List<Header> more) {
    List<Header> headers = new ArrayList<>(more);
    try {
      headers.addAll(HandlerResponseHeaders.checked(result.head()));
    } catch (RuntimeException e) {
      result.body().release();
      throw e;
    }
    return new Response(
        HandlerResponseHeaders.status(result.head()),
        result.head().reason(),
        Optional.of(HandlerResponseHeaders.contentType(result.head())),
        headers,
        result.body());
  }

  private JsonObject json(JobDescription job) {
    JobTicket ticket = job.ticket();
    JsonObject json = new JsonObject();
    json.addProperty("id", ticket.id());
    json.addProperty("status", job.status().label());
    json.addProperty(
        ticket.target() == JobTarget.MODEL ? "modelName" : "workflowName", ticket.name());
    ticket.version().ifPresent(version -> json.addProperty("modelVersion", version));
    json.addProperty("requestId", ticket.requestId());
    json.addProperty("url", FOLDER + ticket.id());
    json.addProperty("resultUrl", FOLDER + ticket.id() + "/result");
    json.addProperty("createdAt", ticket.created().truncatedTo(ChronoUnit.MILLIS).toString());
    job.started()
        .ifPresent(
            at -> json.addProperty("startedAt", at.truncatedTo(ChronoUnit.MILLIS).toString()));
    job.outcome().ifPresent(outcome -> addOutcome(json, outcome));
    return json;
  }

  private void addOutcome(JsonObject json, JobOutcome outcome) {
    json.addProperty("endedAt", outcome.ended().truncatedTo(ChronoUnit.MILLIS).toString());
    json.addProperty("expiresAt", outcome.expires().truncatedTo(ChronoUnit.MILLIS).toString());
    outcome
        .head()
        .ifPresent(
            head -> {
              json.addProperty("responseStatus", HandlerResponseHeaders.status(head));
              json.addProperty("responseBytes", outcome.bytes());
            });
    outcome
        .error()
        .ifPresent(error -> json.add("error", errors.wrapped(error, FOLDER).get("error")));
  }
}
