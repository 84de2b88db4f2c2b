package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;

/** One request, an answer in parts. */
public class StreamPredictionsTest extends GrpcTestBase {

  @Test
  public void eachPartIsAMessage() {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text("one"));
          sink.chunk(ResponseHead.EMPTY, text("two"));
          sink.end(text("three"));
        });
    assertEquals(texts(stream(channel(), cats(""))), List.of("one", "two", "three"));
  }

  @Test
  public void endOfAGeneratorIsNoMessage() {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text("one"));
          sink.end();
        });
    assertEquals(texts(stream(channel(), cats(""))), List.of("one"));
  }

  @Test
  public void plainResponseIsOneMessage() {
    assertEquals(texts(stream(channel(), cats(""))), List.of("ok"));
  }

  @Test
  public void errorComesAfterTheParts() {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text("one"));
          sink.fail(new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed"));
        });
    Iterator<PredictionResponse> parts = parts(cats(""));
    assertEquals(parts.next().getPrediction().toStringUtf8(), "one");
    StatusRuntimeException error = failure(parts::next);
    assertStatus(
        error,
        Status.Code.UNAVAILABLE,
        "Prediction failed\norg.pytorch.serve.http.InternalServerException");
    assertEquals(facts(error).getMetadataOrThrow("http_status"), "503");
  }

  @Test
  public void headersOfAnErrorAreTrailers() {
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), text("one"));
          sink.fail(
              ServingException.ofHandler(429, "slow down")
                  .withHeaders(Map.of("Retry-After", "3", "grpc-status", "0", "X-B", "a\nb")));
        });
    Iterator<PredictionResponse> parts = parts(cats(""));
    parts.next();
    StatusRuntimeException error = failure(parts::next);
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertEquals(error.getTrailers().get(key("retry-after")), "3");
    assertFalse(error.getTrailers().containsKey(key("x-b")));
  }

  @Test
  public void errorBeforeTheFirstPartIsTheWholeResponse() {
    StatusRuntimeException error =
        failure(() -> stream(channel(), PredictionsRequest.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.INVALID_ARGUMENT);
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(429, "", BodyKind.TEXT, List.of(new Header("why", "x"))),
                text("slow down")));
    error = failure(() -> stream(channel(), cats("")));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertTrue(error.getStatus().getDescription().startsWith("slow down\n"));
    assertEquals(error.getTrailers().get(key("why")), "x");
  }

  @Test
  public void liveCallGoesOnAfterItsFirstPart() throws InterruptedException {
    inference.hold();
    Iterator<PredictionResponse> parts = parts(cats(""));
    FakeInference.Waiting waiting = inference.nextWaiting();
    for (int i = 0; i < 100; i++) {
      waiting.sink().chunk(FakeInference.text(), text("part " + i));
      assertEquals(parts.next().getPrediction().toStringUtf8(), "part " + i);
    }
    assertEquals(inference.cancelled.get(), 0);
    waiting.sink().end(text("last"));
    assertEquals(parts.next().getPrediction().toStringUtf8(), "last");
  }

  @Test
  public void cancelledCallCancelsTheRequest() throws InterruptedException {
    inference.hold();
    ClientCall<PredictionsRequest, PredictionResponse> call =
        channel().newCall(STREAM_PREDICTIONS, CallOptions.DEFAULT);
    start(call, new CompletableFuture<>(), 1);
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().chunk(FakeInference.text(), text("one"));
    call.cancel("enough", null);
    waitUntil("the request is cancelled", () -> inference.cancelled.get() == 1);
    waiting.sink().chunk(ResponseHead.EMPTY, text("late"));
  }

  @Test
  public void slowClientHoldsALimitedAmountAndIsCutAlone() throws Exception {
    inference.hold();
    ClientCall<PredictionsRequest, PredictionResponse> slow =
        channel().newCall(STREAM_PREDICTIONS, CallOptions.DEFAULT);
    CompletableFuture<Status> end = new CompletableFuture<>();
    start(slow, end, 0);
    FakeInference.Waiting waiting = inference.nextWaiting();
    byte[] part = new byte[16 * 1024];
    AtomicInteger parts = new AtomicInteger();
    waitUntil(
        "the stream is cut",
        () -> {
          // More than the limit, at each look.
          for (int i = 0; i < 100; i++) {
            waiting.sink().chunk(FakeInference.text(), Unpooled.wrappedBuffer(part));
          }
          parts.addAndGet(100);
          return inference.cancelled.get() == 1;
        });
    inference.respond((request, sink) -> sink.complete(FakeInference.text(), text("ok")));
    assertEquals(ask(channel(), PREDICTIONS, cats("")).getPrediction().toStringUtf8(), "ok");
    slow.request(parts.get());
    Status status = end.get(30, TimeUnit.SECONDS);
    assertEquals(status.getCode(), Status.Code.RESOURCE_EXHAUSTED, status.toString());
    assertTrue(status.getDescription().contains("stream_buffer_size"), status.toString());
  }

  @Test
  public void clientThatReadsInItsOwnTimeGetsEverything() throws Exception {
    int count = 40;
    inference.respond(
        (request, sink) -> {
          for (int i = 0; i < count; i++) {
            sink.chunk(FakeInference.text(), Unpooled.wrappedBuffer(new byte[1000]));
          }
          sink.end(Unpooled.EMPTY_BUFFER);
        });
    Iterator<PredictionResponse> parts = parts(cats(""));
    int bytes = 0;
    while (parts.hasNext()) {
      bytes += parts.next().getPrediction().size();
      Thread.sleep(1);
    }
    assertEquals(bytes, count * 1000);
  }

  private Iterator<PredictionResponse> parts(PredictionsRequest request) {
    return ClientCalls.blockingServerStreamingCall(
        channel(), STREAM_PREDICTIONS, CallOptions.DEFAULT, request);
  }

  /** Sends a request and reads so many messages. */
  private static void start(
      ClientCall<PredictionsRequest, PredictionResponse> call,
      CompletableFuture<Status> end,
      int messages) {
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            end.complete(status);
          }
        },
        new Metadata());
    if (messages > 0) {
      call.request(messages);
    }
    call.sendMessage(cats(""));
    call.halfClose();
  }

  private static List<String> texts(List<PredictionResponse> parts) {
    return parts.stream().map(part -> part.getPrediction().toStringUtf8()).toList();
  }

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }
}
