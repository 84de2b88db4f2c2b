package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.health.HealthApi;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcAddress;
import org.tsnext.transport.testing.CapturedLog;

/** What listeners do for every service: addresses, limits, health, the access log, the way down. */
public class GrpcListenerTest extends GrpcTestBase {

  private static final MethodDescriptor<HealthCheckRequest, HealthCheckResponse> CHECK =
      health("Check", MethodType.UNARY);
  private static final MethodDescriptor<HealthCheckRequest, HealthCheckResponse> WATCH =
      health("Watch", MethodType.SERVER_STREAMING);

  private static MethodDescriptor<HealthCheckRequest, HealthCheckResponse> health(
      String rpc, MethodType type) {
    return method(
        HealthApi.NAME,
        rpc,
        type,
        HealthCheckRequest.getDefaultInstance(),
        HealthCheckResponse.getDefaultInstance());
  }

  private static HealthCheckRequest about(String service) {
    return HealthCheckRequest.newBuilder().setService(service).build();
  }

  @Test
  public void addressThatIsTakenIsNamedWithItsKeyAndNothingStaysOpen() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      GrpcAddress wanted =
          new GrpcAddress(
              "127.0.0.1",
              taken.getLocalPort(),
              "grpc_inference_port",
              0,
              "inference_max_connections",
              Optional.empty(),
              Optional.empty());
      GrpcServers second = serve(settings(wanted, GrpcAccess.open()));
      IOException error = expectThrows(IOException.class, second::bind);
      assertTrue(
          error
              .getMessage()
              .startsWith(
                  "Cannot listen on 127.0.0.1:"
                      + taken.getLocalPort()
                      + " (grpc_inference_port): "),
          error.getMessage());
    }
  }

  @Test
  public void requestOfHttpIsToldWhereHttpIsServed() throws Exception {
    for (String start : List.of("GET /ping", "POST /predictions/m", "OPTIONS *")) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(60_000);
        socket
            .getOutputStream()
            .write(
                (start + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
        String response =
            new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        assertTrue(response.startsWith("HTTP/1.1 400 Bad Request\r\n"), response);
        assertTrue(response.contains("HTTP is served at inference_address"), response);
      }
    }
    ask(channel(), PREDICTIONS, cats(""));
  }

  @Test
  public void connectionsBeyondTheLimitAreClosedAndOneThatEndsMakesRoom() throws Exception {
    GrpcServers limited = serve(settings(address("inference", 1), GrpcAccess.open()));
    port = limited.bind().get(0).port();
    ManagedChannel first = channel();
    ask(first, PREDICTIONS, cats(""));
    try (CapturedLog log = new CapturedLog("org.tsnext.transport.ConnectionCount")) {
      StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
      assertEquals(error.getStatus().getCode(), Status.Code.UNAVAILABLE);
      assertTrue(log.lines().get(0).contains("inference_max_connections"), log.lines().toString());
    }
    ask(first, PREDICTIONS, cats(""));
    first.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
    waitUntil("there is room again", () -> isServed(channel()));
  }

  /** Not by a prediction, which would wait where a test holds them back. */
  private static boolean isServed(ManagedChannel channel) {
    try {
      ask(channel, CHECK, about(""));
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Test
  public void metadataBeyondTheLimitIsRefusedAndTheConnectionGoesOn() {
    ManagedChannel channel = channel();
    Metadata large = new Metadata();
    large.put(key("large"), "x".repeat(20_000));
    StatusRuntimeException error =
        failure(
            () ->
                ClientCalls.blockingUnaryCall(
                    ClientInterceptors.intercept(
                        channel, MetadataUtils.newAttachHeadersInterceptor(large)),
                    PREDICTIONS,
                    CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS),
                    cats("")));
    assertFalse(error.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED, error.toString());
    ask(channel, PREDICTIONS, cats(""));
  }

  @Test
  public void connectionThatIsTooOldIsReplacedWithoutAnError() throws Exception {
    GrpcAddress young =
        new GrpcAddress(
            "127.0.0.1",
            0,
            "grpc_inference_port",
            0,
            "inference_max_connections",
            Optional.of(Duration.ofMillis(50)),
            Optional.of(Duration.ofSeconds(30)));
    port = serve(settings(young, GrpcAccess.open())).bind().get(0).port();
    ManagedChannel channel = channel();
    ask(channel, PREDICTIONS, cats(""));
    waitUntil(
        "the connection is given up", () -> channel.getState(false) == ConnectivityState.IDLE);
    ask(channel, PREDICTIONS, cats(""));
  }

  @Test
  public void healthIsTheReadinessOfTheServerOfServicesAndOfModels() {
    ManagedChannel channel = channel();
    for (String name : List.of("", InferenceApi.NAME, "cats")) {
      assertEquals(ask(channel, CHECK, about(name)).getStatus(), ServingStatus.SERVING, name);
    }
    models.ready = false;
    for (String name : List.of("", InferenceApi.NAME, "cats")) {
      assertEquals(ask(channel, CHECK, about(name)).getStatus(), ServingStatus.NOT_SERVING, name);
    }
    StatusRuntimeException error = failure(() -> ask(channel, CHECK, about("dogs")));
    assertEquals(error.getStatus().getCode(), Status.Code.NOT_FOUND);
    assertEquals(
        ask(channel(managementPort), CHECK, about("")).getStatus(), ServingStatus.NOT_SERVING);
  }

  @Test
  public void watcherGetsChangesAndTheEnd() {
    Iterator<HealthCheckResponse> changes =
        ClientCalls.blockingServerStreamingCall(
            channel(), WATCH, CallOptions.DEFAULT, about("cats"));
    assertEquals(changes.next().getStatus(), ServingStatus.SERVING);
    models.ready = false;
    assertEquals(changes.next().getStatus(), ServingStatus.NOT_SERVING);
    models.ready = true;
    assertEquals(changes.next().getStatus(), ServingStatus.SERVING);
    Iterator<HealthCheckResponse> unknown =
        ClientCalls.blockingServerStreamingCall(
            channel(), WATCH, CallOptions.DEFAULT, about("dogs"));
    assertEquals(unknown.next().getStatus(), ServingStatus.SERVICE_UNKNOWN);
    servers.close(Duration.ofSeconds(30));
    assertEquals(changes.next().getStatus(), ServingStatus.NOT_SERVING);
    assertThrows(StatusRuntimeException.class, changes::next);
  }

  @Test
  public void reflectionTellsWhatThereIs() throws Exception {
    CompletableFuture<ServerReflectionResponse> response = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> questions =
        ServerReflectionGrpc.newStub(channel())
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse next) {
                    response.complete(next);
                  }

                  @Override
                  public void onError(Throwable error) {
                    response.completeExceptionally(error);
                  }

                  @Override
                  public void onCompleted() {
                    // The answer has come.
                  }
                });
    questions.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    List<String> names =
        response.get(30, TimeUnit.SECONDS).getListServicesResponse().getServiceList().stream()
            .map(ServiceResponse::getName)
            .toList();
    assertTrue(names.contains(InferenceApi.NAME), names.toString());
    questions.onCompleted();
  }

  @Test
  public void everyCallIsOneLineInTheAccessLog() throws InterruptedException {
    try (CapturedLog log = new CapturedLog("ACCESS_LOG")) {
      ManagedChannel channel = channel();
      ask(channel, PREDICTIONS, cats(""));
      failure(() -> ask(channel, CHECK, about("dogs")));
      failure(() -> ask(channel, PREDICTIONS, cats("x".repeat(MAX_REQUEST + 1))));
      failure(
          () ->
              ask(
                  channel,
                  method(
                      "no.Service",
                      "Rpc",
                      MethodType.UNARY,
                      HealthCheckRequest.getDefaultInstance(),
                      HealthCheckResponse.getDefaultInstance()),
                  about("")));
      waitUntil("four lines", () -> log.lines().size() == 4);
      String remote = "/127\\.0\\.0\\.1:\\d+ \"gRPC ";
      String predictions = InferenceApi.NAME + "/Predictions HTTP/2\\.0\" ";
      assertMatches(log.lines().get(0), remote + predictions + "0 \\d+");
      assertMatches(log.lines().get(1), remote + HealthApi.NAME + "/Check HTTP/2\\.0\" 5 \\d+");
      assertMatches(log.lines().get(2), remote + predictions + "\\d+ \\d+");
      assertMatches(log.lines().get(3), remote + "no.Service/Rpc HTTP/2\\.0\" 12 \\d+");
    }
  }

  private static void assertMatches(String line, String expected) {
    assertTrue(line.matches(expected), line);
  }

  @Test
  public void closingLetsWhatRunsEnd() throws Exception {
    inference.hold();
    CompletableFuture<PredictionResponse> response =
        CompletableFuture.supplyAsync(() -> ask(channel(), PREDICTIONS, cats("")));
    FakeInference.Waiting waiting = inference.nextWaiting();
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> servers.close(Duration.ofSeconds(30)));
    waitUntil("no new connection", () -> !isServed(channel()));
    waiting.sink().complete(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'o', 'k'}));
    assertEquals(response.get(30, TimeUnit.SECONDS).getPrediction().toStringUtf8(), "ok");
    closed.get(30, TimeUnit.SECONDS);
  }

  @Test
  public void closingDoesNotWaitBeyondItsLimit() throws Exception {
    inference.hold();
    CompletableFuture<StatusRuntimeException> error =
        CompletableFuture.supplyAsync(() -> failure(() -> ask(channel(), PREDICTIONS, cats(""))));
    inference.nextWaiting();
    servers.close(Duration.ofMillis(50));
    error.get(30, TimeUnit.SECONDS);
    waitUntil("the request is cancelled", () -> inference.cancelled.get() == 1);
  }
}
