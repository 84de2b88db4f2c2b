package org.tsnext.benchmarks;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.tsnext.core.access.Access;
import org.tsnext.core.inference.UnfollowedRequest;
import org.tsnext.core.tracing.Following;
import org.tsnext.http.routing.RequestFollower;
import org.tsnext.http.routing.Route;

/**
 * What traces and times cost one request over HTTP while they are off: every question whether the
 * request is followed, from its route to its end.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class FollowBenchmark {

  private RequestFollower follower;
  private Route route;
  private HttpHeaders headers;
  private UnfollowedRequest request;

  /** Makes a request of a listener with tokens: one that could ask for its times, and does not. */
  @Setup
  public void setUp() {
    follower = new RequestFollower(Following.ON_REQUEST, access -> true);
    route =
        Route.undocumented(List.of(HttpMethod.POST), "/predictions/{model_name}", asked -> {})
            .withAccess(Access.INFERENCE);
    headers =
        new DefaultHttpHeaders()
            .add("host", "127.0.0.1:8080")
            .add("content-type", "application/json")
            .add("user-agent", "benchmark");
    request = new UnfollowedRequest(Steps.request("m", Optional.empty()), Steps.CLIENT);
  }

  @Benchmark
  public boolean off() {
    return follower.follows(route, headers) || request.pass();
  }
}
