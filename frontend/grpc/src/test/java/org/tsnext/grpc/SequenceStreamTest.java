package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;

/** Many requests on one stream, of several sequences. */
public class SequenceStreamTest extends GrpcTestBase {

  /** A stream as its client sees it. */
  private static final class Stream
      implements ClientResponseObserver<PredictionsRequest, PredictionResponse> {
    final BlockingQueue<PredictionResponse> messages = new LinkedBlockingQueue<>();
    final CompletableFuture<Status> end = new CompletableFuture<>();
    private ClientCallStreamObserver<PredictionsRequest> requests;

    @Override
    public void beforeStart(ClientCallStreamObserver<PredictionsRequest> stream) {
      requests = stream;
    }

    @Override
    public void onNext(PredictionResponse message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable error) {
      end.complete(Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK);
    }

    PredictionResponse next() throws InterruptedException {
      PredictionResponse next = messages.poll(30, TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("no message within 30 s; the stream ended: " + end.getNow(null));
      }
      return next;
    }
  }

  private Stream open() {
    Stream stream = new Stream();
    var unused =
        ClientCalls.asyncBidiStreamingCall(
            channel().newCall(STREAM_PREDICTIONS_2, CallOptions.DEFAULT), stream);
    return stream;
  }

  private static PredictionsRequest cats(String sequence, String data) {
    return cats(data).toBuilder().setSequenceId(sequence).build();
  }

  @Test
  public void eachRequestHasItsResponsesWithItsSequence() throws Exception {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text(request.parts().get(0).value()));
          sink.end(text("."));
        });
    Stream stream = open();
    stream.requests.onNext(cats("a", "1"));
    stream.requests.onNext(cats("b", "2"));
    stream.requests.onCompleted();
    assertResponse(stream.next(), "a", "1");
    assertResponse(stream.next(), "a", ".");
    assertResponse(stream.next(), "b", "2");
    assertResponse(stream.next(), "b", ".");
    assertTrue(stream.end.get(30, TimeUnit.SECONDS).isOk());
    FakeInference.Seen first = inference.next();
    assertEquals(first.header("ts_request_sequence_id"), "a");
    assertNull(first.header("ts_request_sequence_start"));
    assertNull(first.header("ts_request_sequence_end"));
    assertFalse(first.id().equals(inference.next().id()));
  }

  @Test
  public void startAndEndAreSaidByInputs() throws Exception {
    Stream stream = open();
    stream.requests.onNext(
        cats("a", "").toBuilder()
            .putInput("ts_request_sequence_start", ByteString.copyFromUtf8("true"))
            .putInput("ts_request_sequence_end", ByteString.copyFromUtf8("false"))
            .build());
    stream.requests.onNext(
        cats("a", "").toBuilder()
            .putInput("ts_request_sequence_end", ByteString.copyFromUtf8("True"))
            .build());
    FakeInference.Seen first = inference.next();
    assertEquals(first.header("ts_request_sequence_start"), "true");
    assertNull(first.header("ts_request_sequence_end"));
    assertEquals(
        first.parts().stream().map(FakeInference.Part::name).sorted().toList(),
        List.of("data", "ts_request_sequence_start"));
    FakeInference.Seen second = inference.next();
    assertNull(second.header("ts_request_sequence_start"));
    assertEquals(second.header("ts_request_sequence_end"), "true");
  }

  @Test
  public void startWithoutAnIdMakesOneAndTellsIt() throws Exception {
    Stream stream = open();
    stream.requests.onNext(
        cats("", "").toBuilder()
            .putInput("ts_request_sequence_start", ByteString.copyFromUtf8("true"))
            .build());
    String made = stream.next().getSequenceId();
    assertTrue(made.matches("ts-seq-[0-9a-f-]{36}"), made);
    assertEquals(inference.next().header("ts_request_sequence_id"), made);
  }

  @Test
  public void errorsAreMessagesAndTheStreamGoesOn() throws Exception {
    inference.respond(
        (request, sink) -> {
          switch (request.parts().get(0).value()) {
            case "fail" ->
                sink.fail(new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed"));
            case "404" ->
                sink.complete(new ResponseHead(404, "", BodyKind.TEXT, List.of()), text("none"));
            default -> sink.complete(FakeInference.text(), text("ok"));
          }
        });
    Stream stream = open();
    stream.requests.onNext(cats("a", "fail"));
    assertFailure(
        stream.next(),
        "a",
        Status.Code.UNAVAILABLE,
        "Prediction failed",
        "org.pytorch.serve.http.InternalServerException");
    stream.requests.onNext(cats("a", "404"));
    assertFailure(
        stream.next(),
        "a",
        Status.Code.NOT_FOUND,
        "none",
        "org.pytorch.serve.http.ResourceNotFoundException");
    stream.requests.onNext(cats("no id").toBuilder().clearSequenceId().build());
    assertFailure(
        stream.next(),
        "",
        Status.Code.INVALID_ARGUMENT,
        "Parameter sequenceId is required.",
        "BadRequestException.()");
    stream.requests.onNext(PredictionsRequest.newBuilder().setSequenceId("a").build());
    assertFailure(
        stream.next(),
        "a",
        Status.Code.INVALID_ARGUMENT,
        "Parameter model_name is required.",
        "BadRequestException.()");
    stream.requests.onNext(cats("x".repeat(300), ""));
    assertEquals(stream.next().getStatus().getCode(), Status.Code.INVALID_ARGUMENT.value());
    stream.requests.onNext(cats("a\nb", ""));
    assertEquals(stream.next().getStatus().getCode(), Status.Code.INVALID_ARGUMENT.value());
    stream.requests.onNext(cats("a", "fine"));
    assertResponse(stream.next(), "a", "ok");
  }

  @Test
  public void halfCloseWaitsForWhatIsUnderWay() throws Exception {
    inference.hold();
    Stream stream = open();
    stream.requests.onNext(cats("a", "1"));
    stream.requests.onCompleted();
    FakeInference.Waiting waiting = inference.nextWaiting();
    assertFalse(stream.end.isDone());
    waiting.sink().complete(FakeInference.text(), text("late"));
    assertResponse(stream.next(), "a", "late");
    assertTrue(stream.end.get(30, TimeUnit.SECONDS).isOk());
    assertEquals(inference.cancelled.get(), 0);
  }

  @Test
  public void cancelledStreamCancelsAllThatIsUnderWay() throws Exception {
    inference.hold();
    Stream stream = open();
    for (int i = 0; i < 3; i++) {
      stream.requests.onNext(cats("a", "x".repeat(20_000)));
      inference.nextWaiting();
    }
    assertEquals(memory.held() > 60_000, true);
    stream.requests.cancel("enough", null);
    waitUntil("all are cancelled", () -> inference.cancelled.get() == 3);
    waitUntil("the memory is given back", () -> memory.held() == 0);
  }

  @Test
  public void requestsUnderWayAreLimitedAndTheRestFollows() throws Exception {
    inference.hold();
    Stream stream = open();
    int count = 100;
    for (int i = 0; i < count; i++) {
      stream.requests.onNext(cats("a", String.valueOf(i)));
    }
    for (int i = 0; i < 64; i++) {
      inference.waiting.poll(30, TimeUnit.SECONDS).sink();
    }
    assertNull(inference.waiting.poll(200, TimeUnit.MILLISECONDS));
    stream.requests.cancel("enough", null);
    waitUntil("all are cancelled", () -> inference.cancelled.get() == 64);
  }

  @Test
  public void tenThousandRequestsHaveTenThousandResponses() throws Exception {
    Stream stream = open();
    int count = 10_000;
    for (int i = 0; i < count; i++) {
      stream.requests.onNext(cats("s" + i % 7, "x"));
    }
    stream.requests.onCompleted();
    for (int i = 0; i < count; i++) {
      assertResponse(stream.next(), "s" + i % 7, "ok");
    }
    assertTrue(stream.end.get(30, TimeUnit.SECONDS).isOk());
  }

  @Test(timeOut = 60_000)
  public void shutdownEndsAnIdleStreamWithoutWaitingForItsClient() throws Exception {
    Stream stream = open();
    stream.requests.onNext(cats("a", ""));
    stream.next();
    servers.close(Duration.ofMinutes(10));
    assertEquals(stream.end.get(30, TimeUnit.SECONDS).getCode(), Status.Code.UNAVAILABLE);
  }

  private static void assertResponse(PredictionResponse response, String sequence, String text) {
    assertFalse(response.hasStatus(), response.toString());
    assertEquals(response.getSequenceId(), sequence);
    assertEquals(response.getPrediction().toStringUtf8(), text);
  }

  private static void assertFailure(
      PredictionResponse response, String sequence, Status.Code code, String text, String reason) {
    assertTrue(response.hasStatus());
    assertEquals(response.getSequenceId(), sequence);
    assertEquals(response.hasSequenceId(), !sequence.isEmpty());
    assertEquals(response.getStatus().getCode(), code.value());
    assertEquals(response.getStatus().getMessage(), text);
    assertEquals(facts(response.getStatus()).getReason(), reason);
  }

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }
}
