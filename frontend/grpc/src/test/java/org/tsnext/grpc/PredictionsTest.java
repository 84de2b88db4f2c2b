package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.grpc.messages.inference.TorchServeHealthResponse;

/** One request, one answer. */
public class PredictionsTest extends GrpcTestBase {

  private final AtomicReference<Metadata> headers = new AtomicReference<>();
  private final AtomicReference<Metadata> trailers = new AtomicReference<>();

  @Test
  public void inputsReachTheHandlerByNameAndItsResponseTheClient() throws InterruptedException {
    PredictionsRequest request =
        cats("one").toBuilder()
            .setModelVersion("2.0")
            .putInput("second", ByteString.copyFromUtf8("two"))
            .putInput("", ByteString.EMPTY)
            .build();
    assertEquals(ask(channel(), PREDICTIONS, request).getPrediction().toStringUtf8(), "ok");
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.model(), "cats");
    assertEquals(seen.version(), "2.0");
    assertEquals(seen.kind(), RequestKind.PREDICT);
    assertEquals(seen.parts().size(), 3);
    assertTrue(seen.parts().contains(new FakeInference.Part("data", "", "one")));
    assertTrue(seen.parts().contains(new FakeInference.Part("second", "", "two")));
    assertTrue(seen.parts().contains(new FakeInference.Part("", "", "")));
  }

  @Test
  public void largeInputsAndResponsesArriveWhole() throws InterruptedException {
    String large = "0123456789".repeat(9_000);
    inference.respond(
        (request, sink) ->
            sink.complete(
                FakeInference.text(),
                Unpooled.copiedBuffer(request.parts().get(0).value(), StandardCharsets.UTF_8)));
    assertEquals(ask(channel(), PREDICTIONS, cats(large)).getPrediction().toStringUtf8(), large);
    // The client may have its answer before the call is over on the side of the server.
    waitUntil("its memory is free", () -> memory.held() == 0);
  }

  @Test
  public void partsOfAStreamComeTogether() {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text("one "));
          sink.chunk(ResponseHead.EMPTY, text("two "));
          sink.end(text("three"));
        });
    assertEquals(
        ask(channel(), PREDICTIONS, cats("")).getPrediction().toStringUtf8(), "one two three");
  }

  @Test
  public void partsThatAreTooLargeTogetherAreRefusedAndTheHandlerIsCancelled()
      throws InterruptedException {
    inference.respond(
        (request, sink) -> {
          for (int i = 0; i <= MAX_RESPONSE; i++) {
            sink.chunk(FakeInference.text(), text("x"));
          }
        });
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertTrue(error.getStatus().getDescription().contains("max_response_size"));
    waitUntil("the request is cancelled", () -> inference.cancelled.get() == 1);
  }

  @Test
  public void emptyResponseIsAResponse() {
    inference.respond(
        (request, sink) -> sink.complete(FakeInference.text(), Unpooled.EMPTY_BUFFER));
    assertTrue(ask(channel(), PREDICTIONS, cats("")).getPrediction().isEmpty());
  }

  @Test
  public void metadataBecomesHeadersExceptWhatIsGrpcsOwn() throws InterruptedException {
    Metadata sent = new Metadata();
    sent.put(key("session_id"), "7");
    sent.put(key("authorization"), "Bearer secret");
    sent.put(key("describe"), "True");
    sent.put(key("url_path"), "x");
    sent.put(Metadata.Key.of("blob-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {1});
    ClientCalls.blockingUnaryCall(with(sent), PREDICTIONS, CallOptions.DEFAULT, cats(""));
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.header("session_id"), "7");
    List<String> names = seen.headers().stream().map(Header::name).sorted().toList();
    assertEquals(names, List.of("authorization", "session_id", "user-agent"));
  }

  @Test
  public void metadataAsksForAnExplanationAndNamesTheContentType() throws InterruptedException {
    Metadata sent = new Metadata();
    sent.put(key("explain"), "True");
    sent.put(key("input-content-type"), "application/json; charset=utf-8");
    ClientCalls.blockingUnaryCall(with(sent), PREDICTIONS, CallOptions.DEFAULT, cats("{}"));
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.kind(), RequestKind.EXPLAIN);
    assertEquals(seen.header("explain"), "True");
    assertEquals(seen.parts().get(0).contentType(), "application/json");
  }

  @Test
  public void requestIdIsTheClientsOrAFreshOneAndIsReturned() throws InterruptedException {
    Metadata sent = new Metadata();
    sent.put(key("x-request-id"), "mine-1");
    ClientCalls.blockingUnaryCall(with(sent), PREDICTIONS, CallOptions.DEFAULT, cats(""));
    assertEquals(inference.next().id(), "mine-1");
    assertEquals(headers.get().get(key("x-request-id")), "mine-1");
    sent = new Metadata();
    sent.put(key("x-request-id"), "not acceptable");
    ClientCalls.blockingUnaryCall(with(sent), PREDICTIONS, CallOptions.DEFAULT, cats(""));
    String made = inference.next().id();
    assertTrue(made.matches("[0-9a-f-]{36}"), made);
    assertEquals(headers.get().get(key("x-request-id")), made);
  }

  @Test
  public void headersOfAHandlerWithoutAnEndAreItsError() {
    ResponseHead head =
        new ResponseHead(200, "", BodyKind.TEXT, List.of(new Header("x", "x".repeat(9000))));
    inference.respond((request, sink) -> sink.complete(head, text("ok")));
    StatusRuntimeException whole = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertEquals(whole.getStatus().getCode(), Status.Code.INTERNAL);
    assertTrue(whole.getStatus().getDescription().contains("expected at most 8192"));
    inference.respond(
        (request, sink) -> {
          sink.chunk(head, text("part"));
          sink.end(text("end"));
        });
    StatusRuntimeException streamed = failure(() -> stream(channel(), cats("")));
    assertEquals(streamed.getStatus().getCode(), Status.Code.INTERNAL);
  }

  @Test
  public void headersOfTheHandlerAreTrailingMetadata() {
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(
                    201,
                    "",
                    BodyKind.TEXT,
                    List.of(
                        new Header("Model-Mood", "fine"),
                        new Header("content-type", "text/plain"),
                        new Header("grpc-status", "3"),
                        new Header("bad name", "x"),
                        new Header("umlaut", "ä"))),
                text("ok")));
    ClientCalls.blockingUnaryCall(with(new Metadata()), PREDICTIONS, CallOptions.DEFAULT, cats(""));
    assertEquals(trailers.get().get(key("model-mood")), "fine");
    assertFalse(trailers.get().containsKey(key("umlaut")));
  }

  @Test
  public void statusOfTheHandlerIsMappedWithItsBodyAsTheMessage() {
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(404, "Gone", BodyKind.TEXT, List.of(new Header("why", "because"))),
                text("no such cat")));
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertStatus(
        error,
        Status.Code.NOT_FOUND,
        "no such cat\norg.pytorch.serve.http.ResourceNotFoundException");
    assertEquals(error.getTrailers().get(key("why")), "because");
    assertEquals(facts(error).getMetadataOrThrow("http_status"), "404");
  }

  @Test
  public void errorHasTwoLinesAndTheSameFactsAsDetails() {
    inference.respond(
        (request, sink) ->
            sink.fail(
                new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed")
                    .withDetail("ValueError: bad digit")));
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertStatus(
        error,
        Status.Code.UNAVAILABLE,
        "Prediction failed\norg.pytorch.serve.http.InternalServerException");
    ErrorInfo facts = facts(error);
    assertEquals(facts.getReason(), "org.pytorch.serve.http.InternalServerException");
    assertEquals(facts.getMetadataOrThrow("type"), "InternalServerException");
    assertEquals(facts.getMetadataOrThrow("http_status"), "503");
    assertEquals(facts.getMetadataOrThrow("detail"), "ValueError: bad digit");
  }

  @Test
  public void errorThatMayPassSaysWhenToAskAgain() throws Exception {
    inference.respond(
        (request, sink) ->
            sink.fail(
                new ServingException(ErrorKind.NO_WORKER, "No worker")
                    .withRetryAfter(Duration.ofMillis(2500))));
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    RetryInfo retry =
        StatusProto.fromThrowable(error).getDetailsList().get(1).unpack(RetryInfo.class);
    assertEquals(retry.getRetryDelay().getSeconds(), 2);
    assertEquals(retry.getRetryDelay().getNanos(), 500_000_000);
  }

  @Test
  public void longErrorsAreCutSoThatClientsTakeThem() {
    inference.respond(
        (request, sink) ->
            sink.fail(
                new ServingException(ErrorKind.PREDICTION_FAILED, "ä".repeat(50_000))
                    .withDetail("ö".repeat(50_000))));
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertEquals(error.getStatus().getCode(), Status.Code.UNAVAILABLE);
    assertTrue(facts(error).getMetadataOrThrow("detail").endsWith("..."));
  }

  @Test
  public void missingModelNameIsAnInvalidArgument() {
    StatusRuntimeException error =
        failure(() -> ask(channel(), PREDICTIONS, PredictionsRequest.getDefaultInstance()));
    assertStatus(
        error,
        Status.Code.INVALID_ARGUMENT,
        "Parameter model_name is required.\nBadRequestException.()");
    assertTrue(inference.isEmpty());
  }

  @Test
  public void tooManyInputsAreRefused() {
    PredictionsRequest.Builder request = cats("").toBuilder();
    for (int i = 0; i < 1024; i++) {
      request.putInput("input-" + i, ByteString.EMPTY);
    }
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, request.build()));
    assertEquals(error.getStatus().getCode(), Status.Code.INVALID_ARGUMENT);
    assertTrue(error.getStatus().getDescription().contains("1024 inputs"));
  }

  @Test
  public void tooLargeMessageIsResourceExhaustedWithAMessage() {
    StatusRuntimeException error =
        failure(() -> ask(channel(), PREDICTIONS, cats("x".repeat(MAX_REQUEST + 1))));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertTrue(
        error.getStatus().getDescription().contains(String.valueOf(MAX_REQUEST)),
        error.getStatus().getDescription());
    assertTrue(inference.isEmpty());
  }

  @Test
  public void messageWithoutRoomInTheMemoryForBodiesIsRefused() {
    assertTrue(memory.take((1 << 20) - 1000));
    StatusRuntimeException error =
        failure(() -> ask(channel(), PREDICTIONS, cats("x".repeat(50_000))));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertEquals(ask(channel(), PREDICTIONS, cats("x")).getPrediction().toStringUtf8(), "ok");
  }

  @Test
  public void deadlineOfTheClientIsTheRequests() throws InterruptedException {
    ClientCalls.blockingUnaryCall(
        channel(),
        PREDICTIONS,
        CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS),
        cats(""));
    long millis = inference.next().timeout().orElseThrow().toMillis();
    assertTrue(millis > 0 && millis <= 5000, millis + " ms");
  }

  @Test
  public void cancelledCallCancelsTheRequest() throws InterruptedException {
    inference.hold();
    Context.CancellableContext context = begin(channel(), PREDICTIONS, cats(""));
    FakeInference.Waiting waiting = inference.nextWaiting();
    context.cancel(null);
    waitUntil("the request is cancelled", () -> inference.cancelled.get() == 1);
    waiting.sink().complete(FakeInference.text(), text("late"));
  }

  @Test
  public void sequenceIdOfTheMessageIsAHeader() throws InterruptedException {
    ask(channel(), PREDICTIONS, cats("").toBuilder().setSequenceId("s-1").build());
    assertEquals(inference.next().header("ts_request_sequence_id"), "s-1");
  }

  @Test
  public void pingSaysWhatIsWrongAndIsAlwaysOk() {
    var ping =
        method(
            InferenceApi.NAME,
            "Ping",
            MethodType.UNARY,
            Empty.getDefaultInstance(),
            TorchServeHealthResponse.getDefaultInstance());
    assertEquals(
        ask(channel(), ping, Empty.getDefaultInstance()).getHealth(),
        "{\n  \"status\": \"Healthy\"\n}");
    models.health =
        new HealthReport(List.of(new HealthReport.ShortModel("cats", "1.0", 0, 1, "no worker")));
    String unhealthy = ask(channel(), ping, Empty.getDefaultInstance()).getHealth();
    assertTrue(unhealthy.startsWith("{\n  \"status\": \"Unhealthy\""), unhealthy);
    assertTrue(unhealthy.contains("no worker"));
  }

  /** A channel that sends metadata and keeps what comes back. */
  private Channel with(Metadata sent) {
    return ClientInterceptors.intercept(
        channel(),
        MetadataUtils.newAttachHeadersInterceptor(sent),
        MetadataUtils.newCaptureMetadataInterceptor(headers, trailers));
  }

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }
}
