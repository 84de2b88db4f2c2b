package org.tsnext.http.jobs;

import static io.netty.handler.codec.http.HttpMethod.DELETE;
import static io.netty.handler.codec.http.HttpMethod.GET;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.access.Access;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RoutedRequest;
import org.tsnext.jobs.JobDescription;
import org.tsnext.jobs.JobService;

/** The table of {@code /jobs}: what became of requests that were answered 202. */
public final class JobRoutes {

  private static final String ID = "job_id";
  private static final String JOB = "/jobs/{" + ID + "}";
  private static final String JSON = Response.APPLICATION_JSON;

  private final JobService jobs;
  private final JobRenderer renderer;

  private JobRoutes(JobService jobs, ErrorForm form) {
    this.jobs = jobs;
    this.renderer = new JobRenderer(form);
  }

  /**
   * The routes.
   *
   * @param form how errors look
   */
  public static List<Route> of(JobService jobs, ErrorForm form) {
    JobRoutes made = new JobRoutes(jobs, form);
    return List.of(
        Route.of(
                List.of(GET),
                JOB,
                made::describe,
                new Operation(
                        "jobStatus",
                        "How a job is; with the header Prefer: wait=N, once it has ended, or after"
                            + " N seconds.",
                        Body.NONE,
                        List.of(),
                        List.of(new Outcome(200, JSON, "The job", Schemas.JOB)))
                    .failingWith(404))
            .withAccess(Access.INFERENCE),
        Route.of(
                List.of(GET),
                JOB + "/result",
                made::result,
                new Operation(
                        "jobResult",
                        "The response of the model; with the header Prefer: wait=N, it is waited"
                            + " for.",
                        Body.NONE,
                        List.of(),
                        List.of(
                            new Outcome(200, "*/*", "The response of the model's handler"),
                            new Outcome(202, JSON, "The job has not ended", Schemas.JOB)))
                    .failingWith(404, 409, 504, 507)
                    .withAnyStatus())
            .withAccess(Access.INFERENCE),
        Route.of(
                List.of(DELETE),
                JOB,
                made::delete,
                new Operation(
                        "deleteJob",
                        "Cancel a job that has not ended; remove one that has.",
                        Body.NONE,
                        List.of(),
                        List.of(
                            new Outcome(200, JSON, "The job, cancelled", Schemas.JOB),
                            new Outcome(204, "", "It was removed")))
                    .failingWith(404))
            .withAccess(Access.INFERENCE));
  }

  private void describe(RoutedRequest request) {
    Optional<Duration> wait = wait(request);
    LaterResponse.send(
        request.exchange(), await(request, wait), job -> renderer.described(job, applied(wait)));
  }

  private void result(RoutedRequest request) {
    Optional<Duration> wait = wait(request);
    List<Header> headers = applied(wait);
    Exchange exchange = request.exchange();
    LaterResponse.send(
        exchange,
        await(request, wait)
            .thenComposeAsync(job -> response(exchange, job, headers), exchange.loop()),
        response -> response);
  }

  /** On the loop: there has to be room for what is read, as for a body that comes in. */
  private CompletableFuture<Response> response(
      Exchange exchange, JobDescription job, List<Header> headers) {
    if (job.outcome().isEmpty()) {
      return CompletableFuture.completedFuture(renderer.accepted(job, headers));
    }
    exchange.hold(job.outcome().get().bytes());
    return jobs.result(job.ticket().id()).thenApply(result -> renderer.result(result, headers));
  }

  private void delete(RoutedRequest request) {
    Response response =
        jobs.delete(id(request))
            .map(job -> renderer.described(job, List.of()))
            .orElseGet(() -> Response.noContent(List.of()));
    request.exchange().send(response);
  }

  /** The job, later if the client wants to wait; a client that leaves waits no more. */
  private CompletableFuture<JobDescription> await(RoutedRequest request, Optional<Duration> wait) {
    if (wait.isEmpty()) {
      return CompletableFuture.completedFuture(jobs.describe(id(request)));
    }
    JobDescription now = jobs.describe(id(request));
    CompletableFuture<JobDescription> job = jobs.await(id(request), wait.get());
    request.exchange().onClientGone(() -> job.complete(now));
    return job;
  }

  private static List<Header> applied(Optional<Duration> wait) {
    return wait.map(limit -> List.of(new Header(Preferences.APPLIED, Preferences.applied(limit))))
        .orElse(List.of());
  }

  private static Optional<Duration> wait(RoutedRequest request) {
    return Preferences.of(request.exchange().headers()).maxWait();
  }

  private static String id(RoutedRequest request) {
    return request.parameters().get(ID);
  }
}
