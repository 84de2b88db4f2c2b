package org.tsnext.http.jobs;

import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.jobs.JobDescription;
import org.tsnext.jobs.JobService;
import org.tsnext.jobs.job.JobTarget;

/**
 * Makes jobs of requests whose client prefers not to wait. With {@code respond-async, wait=N} it
 * waits that long: a response that is there by then is the response, and no job is left.
 */
public final class JobSubmission {

  private final JobService jobs;
  private final JobTarget target;
  private final JobRenderer renderer;

  /**
   * @param target what the requests ask
   * @param form how errors look
   */
  public JobSubmission(JobService jobs, JobTarget target, ErrorForm form) {
    this.jobs = jobs;
    this.target = target;
    this.renderer = new JobRenderer(form);
  }

  /**
   * The responses of a route that predicts, and what it answers when it begins a job.
   *
   * @param jobs empty if it begins none
   */
  public static List<Outcome> outcomes(Optional<JobSubmission> jobs, Outcome response) {
    return jobs.isPresent()
        ? List.of(
            response,
            new Outcome(
                202,
                Response.APPLICATION_JSON,
                "With the header Prefer: respond-async: the job that was begun",
                Schemas.JOB))
        : List.of(response);
  }

  /** Whether a request with these headers is to be a job. */
  public boolean wants(HttpHeaders headers) {
    return Preferences.of(headers).respondAsync();
  }

  /**
   * Begins a job and answers 202.
   *
   * @param request taken over
   */
  public void submit(Exchange exchange, InferenceRequest request) {
    JobService.Accepted accepted = jobs.submit(request, target);
    // Its id was told to nobody.
    exchange.onClientGone(() -> jobs.abandon(accepted.id()));
    Optional<Duration> wait = Preferences.of(exchange.headers()).maxWait();
    boolean waits = wait.isPresent() && !wait.get().isZero();
    String applied =
        "respond-async" + wait.map(limit -> ", " + Preferences.applied(limit)).orElse("");
    List<Header> headers = List.of(new Header(Preferences.APPLIED, applied));
    LaterResponse.send(
        exchange,
        accepted
            .stored()
            .thenCompose(
                job ->
                    waits
                        ? jobs.await(accepted.id(), wait.get())
                        : CompletableFuture.completedFuture(job))
            .thenComposeAsync(job -> response(exchange, job, waits, headers), exchange.loop()),
        response -> response);
  }

  /** On the loop, as there has to be room for what is read. */
  private CompletableFuture<Response> response(
      Exchange exchange, JobDescription job, boolean waited, List<Header> headers) {
    // What finds no room is not lost: its client fetches it later.
    if (!waited || job.outcome().isEmpty() || !hasRoom(exchange, job.outcome().get().bytes())) {
      return CompletableFuture.completedFuture(renderer.accepted(job, headers));
    }
    String id = job.ticket().id();
    CompletableFuture<Response> response;
    try {
      response = jobs.result(id).thenApply(result -> renderer.result(result, headers));
    } catch (RuntimeException e) {
      response = CompletableFuture.failedFuture(e);
    }
    return response.whenComplete((done, failure) -> jobs.abandon(id));
  }

  private static boolean hasRoom(Exchange exchange, long bytes) {
    try {
      exchange.hold(bytes);
      return true;
    } catch (ServingException e) {
      return false;
    }
  }
}
