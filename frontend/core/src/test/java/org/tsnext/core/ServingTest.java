package org.tsnext.core;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** Requests from the door to the worker and back, with workers that come and go. */
public class ServingTest {

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  @Test
  public void requestGetsItsResponseFromItsWorker() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("hello");
    assertEquals(worker.lastBatch().bodies(), List.of("hello"));
    worker.respond(worker.lastBatch().id(), 0, "world");
    assertEquals(sink.body(), Optional.of("world"));
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void requestWaitsForALoadingWorker() {
    assertEquals(fixture.register(1, ModelConfig.none()).join().outcome(), Outcome.ACCEPTED);
    RecordingSink sink = fixture.predict("early");
    assertEquals(sink.ends(), 0);
    fixture.starter().latest().load();
    respondToLast(fixture.starter().latest(), "done");
    assertEquals(sink.body(), Optional.of("done"));
  }

  @Test
  public void unknownModelAndVersionAreNotFound() {
    fixture.serve(1, ModelConfig.none());
    RecordingSink model = new RecordingSink();
    fixture.core().inference().submit(fixture.requests().predict("other", "x"), model);
    assertEquals(model.errorKind(), Optional.of(ErrorKind.MODEL_NOT_FOUND));
    assertEquals(model.error().orElseThrow().getMessage(), "Model not found: other");
    RecordingSink version = new RecordingSink();
    fixture
        .core()
        .inference()
        .submit(
            fixture
                .requests()
                .request("m", Optional.of("9"), RequestKind.PREDICT, "x", Optional.empty()),
            version);
    assertEquals(
        version.error().orElseThrow().getMessage(), "Model version: 9 does not exist for model: m");
  }

  @Test
  public void deadWorkerGivesItsOldestBatchOnceMore() {
    FakeWorker first = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    first.die();
    FakeWorker second = fixture.starter().latest();
    assertTrue(second != first, "restarted at once");
    second.load();
    assertEquals(second.lastBatch().bodies(), List.of("running"));
    respondToLast(second, "a");
    respondToLast(second, "b");
    assertEquals(running.body(), Optional.of("a"));
    assertEquals(waiting.body(), Optional.of("b"));
  }

  @Test
  public void requestTriedTwiceGetsOneError() {
    fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("poison");
    fixture.starter().latest().die();
    fixture.starter().latest().load();
    assertEquals(sink.ends(), 0);
    fixture.starter().latest().die();
    assertEquals(sink.ends(), 1);
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertEquals(sink.error().orElseThrow().getMessage(), "Worker died.");
    assertEquals(
        sink.error().orElseThrow().detail().orElseThrow(),
        "killed by signal 9 (SIGKILL), as the system does when memory runs out");
  }

  @Test
  public void clientOfALostWorkerWaitsForTheCauseForAMomentOnly() {
    FakeWorker worker = fixture.serve(1, new Configs().noRetryOnWorkerDeath().build()).get(0);
    worker.diesOnRequest(false);
    RecordingSink running = fixture.predict("running");
    worker.disconnect();
    assertEquals(running.ends(), 0, "how it ended is not known yet");
    fixture.advance(Duration.ofSeconds(1));
    assertEquals(running.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertEquals(running.error().orElseThrow().detail(), Optional.empty());
    worker.die();
    assertEquals(running.ends(), 1);
  }

  @Test
  public void requestIsNotGivenAgainWhereTheModelForbidsIt() {
    FakeWorker worker = fixture.serve(1, new Configs().noRetryOnWorkerDeath().build()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    worker.die();
    assertEquals(running.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertEquals(waiting.ends(), 0);
  }

  @Test
  public void pipelineWithoutResponsesGoesBackInOrderAndFree() {
    FakeWorker first = fixture.serve(1, ModelConfig.none()).get(0);
    growWindow(first);
    int before = first.batches().size();
    RecordingSink a = fixture.predict("a");
    RecordingSink b = fixture.predict("b");
    RecordingSink c = fixture.predict("c");
    assertEquals(first.batches().size() - before, 3, "pipelined");
    first.die();
    FakeWorker second = fixture.starter().latest();
    second.load();
    assertEquals(second.lastBatch().bodies(), List.of("a"));
    // Only "a" was tried on the first one, so only "a" is spent when the second one dies.
    second.die();
    assertEquals(a.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    fixture.advance(Duration.ofSeconds(1));
    FakeWorker third = fixture.starter().latest();
    third.load();
    assertEquals(third.lastBatch().bodies(), List.of("b"));
    respondToLast(third, "B");
    respondToLast(third, "C");
    assertEquals(b.body(), Optional.of("B"));
    assertEquals(c.body(), Optional.of("C"));
  }

  @Test
  public void begunStreamEndsAsAnErrorWhenItsWorkerDies() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("stream");
    worker.chunk(worker.lastBatch().id(), 0, "one");
    worker.die();
    assertEquals(sink.chunks(), List.of("one"));
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void chunksArriveInOrderAndTheResponseIsTheLast() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("stream");
    int batch = worker.lastBatch().id();
    worker.chunk(batch, 0, "one");
    worker.chunk(batch, 0, "two");
    worker.respond(batch, 0, "three");
    assertEquals(sink.chunks(), List.of("one", "two", "three"));
    assertEquals(sink.body(), Optional.empty());
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void stuckHandlerIsATimeoutForItsRequestOnly() {
    FakeWorker worker =
        fixture.serve(1, new Configs().responseTimeout(Duration.ofSeconds(2)).build()).get(0);
    growWindow(worker);
    RecordingSink stuck = fixture.predict("stuck");
    RecordingSink behind = fixture.predict("behind");
    RecordingSink queued = fixture.predict("queued");
    fixture.advance(Duration.ofMillis(1999));
    assertEquals(stuck.ends(), 0);
    fixture.advance(Duration.ofMillis(1));
    assertEquals(stuck.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertTrue(stuck.error().orElseThrow().getMessage().contains("2 s (responseTimeout)"));
    assertTrue(worker.wasKilled());
    FakeWorker next = fixture.starter().latest();
    next.load();
    respondToLast(next, "1");
    respondToLast(next, "2");
    assertEquals(behind.body(), Optional.of("1"));
    assertEquals(queued.body(), Optional.of("2"));
  }

  @Test
  public void chunkRestartsTheResponseTimeout() {
    FakeWorker worker =
        fixture.serve(1, new Configs().responseTimeout(Duration.ofSeconds(2)).build()).get(0);
    RecordingSink sink = fixture.predict("stream");
    for (int i = 0; i < 5; i++) {
      fixture.advance(Duration.ofMillis(1500));
      worker.chunk(worker.lastBatch().id(), 0, "x");
    }
    assertEquals(sink.ends(), 0);
    fixture.advance(Duration.ofSeconds(2));
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void handlerErrorsKeepTheirStatusAndTheWorker() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink failed = fixture.predict("a");
    worker.error(worker.lastBatch().id(), 0, 503, "Prediction failed", "ValueError: bad digit");
    assertEquals(failed.errorKind(), Optional.of(ErrorKind.PREDICTION_FAILED));
    assertEquals(failed.error().orElseThrow().detail(), Optional.of("ValueError: bad digit"));
    RecordingSink memory = fixture.predict("b");
    worker.error(worker.lastBatch().id(), 0, 507, "Out of resources", "");
    assertEquals(memory.errorKind(), Optional.of(ErrorKind.OUT_OF_RESOURCES));
    RecordingSink own = fixture.predict("c");
    worker.error(worker.lastBatch().id(), 0, 418, "teapot", "");
    assertEquals(own.errorKind(), Optional.of(ErrorKind.HANDLER_ERROR));
    assertEquals(own.error().orElseThrow().httpStatus(), 418);
    for (int code : new int[] {408, 499}) {
      RecordingSink chosen = fixture.predict("d");
      worker.error(worker.lastBatch().id(), 0, code, "mine", "PredictionException: mine");
      assertEquals(chosen.errorKind(), Optional.of(ErrorKind.HANDLER_ERROR));
      assertEquals(chosen.error().orElseThrow().httpStatus(), code);
    }
    RecordingSink late = fixture.predict("e");
    worker.error(worker.lastBatch().id(), 0, 408, "Request expired before it was run", "");
    assertEquals(late.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    assertFalse(worker.hasExited());
    assertEquals(
        fixture
            .core()
            .models()
            .describe("m", Optional.empty())
            .condition()
            .lastError()
            .orElseThrow()
            .message(),
        "mine");
  }

  @Test
  public void oneBadItemDoesNotFailItsBatch() {
    FakeWorker worker =
        fixture.serve(1, new Configs().batch(3, Duration.ofSeconds(1)).build()).get(0);
    RecordingSink a = fixture.predict("a");
    RecordingSink b = fixture.predict("b");
    RecordingSink c = fixture.predict("c");
    int batch = worker.lastBatch().id();
    assertEquals(worker.lastBatch().bodies(), List.of("a", "b", "c"));
    worker.error(batch, 1, 400, "bad", "");
    worker.respond(batch, 0, "A");
    assertEquals(b.error().orElseThrow().httpStatus(), 400);
    worker.error(batch, -1, 503, "Prediction failed", "");
    assertEquals(a.body(), Optional.of("A"));
    assertEquals(c.errorKind(), Optional.of(ErrorKind.PREDICTION_FAILED));
    assertEquals(List.of(a.ends(), b.ends(), c.ends()), List.of(1, 1, 1));
  }

  @Test
  public void nonsenseFromAWorkerIsIgnored() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("a");
    int batch = worker.lastBatch().id();
    worker.respond(batch + 7, 0, "unknown batch");
    worker.respond(batch, 3, "unknown item");
    worker.chunk(batch, 3, "unknown item");
    worker.error(batch + 7, -1, 503, "unknown batch", "");
    assertEquals(sink.ends(), 0);
    worker.respond(batch, 0, "A");
    worker.respond(batch, 0, "again");
    worker.error(batch, -1, 503, "again", "");
    assertEquals(sink.body(), Optional.of("A"));
    assertEquals(sink.ends(), 1);
  }

  /** Answers in no time, as the clock stands still, until three more batches fit. */
  private void growWindow(FakeWorker worker) {
    for (int i = 0; i < 3; i++) {
      fixture.predict("warm up");
      respondToLast(worker, "ok");
    }
  }

  private static void respondToLast(FakeWorker worker, String body) {
    worker.lastBatch().respondToAll(body);
  }
}
