package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorker.Cancelled;
import org.tsnext.core.testing.RecordingSink;

/** Requests that take too long, and clients that leave. */
public class DeadlineTest {

  private static final ModelConfig LIMITED =
      new Configs().clientTimeout(Duration.ofMillis(200)).build();

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
  public void expiredRequestEndsOnceAndNeverReachesAWorker() {
    FakeWorker worker = fixture.serve(1, LIMITED).get(0);
    RecordingSink running = fixture.predict("running");
    fixture.advance(Duration.ofMillis(100));
    RecordingSink waiting = fixture.predict("waiting");
    fixture.advance(Duration.ofMillis(100));
    assertEquals(running.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    assertEquals(waiting.ends(), 0);
    fixture.advance(Duration.ofMillis(100));
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    assertTrue(waiting.error().orElseThrow().getMessage().contains("200 ms"));
    worker.lastBatch().respondToAll("too late");
    assertEquals(worker.batches().size(), 1);
    assertEquals(running.ends(), 1);
  }

  @Test
  public void workerGetsACancellationWhenTheTimeIsOver() {
    FakeWorker worker = fixture.serve(1, LIMITED).get(0);
    fixture.predict("running");
    fixture.advance(Duration.ofMillis(200));
    assertEquals(worker.cancels(), List.of(new Cancelled(worker.lastBatch().id(), 0)));
  }

  @Test
  public void workerLearnsHowMuchTimeIsLeft() {
    FakeWorker worker = fixture.serve(1, LIMITED).get(0);
    fixture.predict("a");
    fixture.advance(Duration.ofMillis(50));
    fixture.predict("b");
    fixture.advance(Duration.ofMillis(30));
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.batches().get(0).timesLeft(), List.of(200));
    assertEquals(worker.batches().get(1).timesLeft(), List.of(170));
  }

  @Test
  public void nearerOfTwoLimitsCounts() {
    fixture.serve(1, LIMITED);
    RecordingSink hasty = submit("hasty", Duration.ofMillis(50));
    RecordingSink patient = submit("patient", Duration.ofSeconds(50));
    fixture.advance(Duration.ofMillis(50));
    assertEquals(hasty.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    assertTrue(hasty.error().orElseThrow().getMessage().contains("time limit of the request"));
    assertEquals(patient.ends(), 0);
    fixture.advance(Duration.ofMillis(150));
    assertTrue(patient.error().orElseThrow().getMessage().contains("clientTimeoutInMills"));
  }

  @Test
  public void requestWithoutTimeEndsAtOnce() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    assertEquals(submit("none", Duration.ZERO).errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    assertEquals(worker.batches().size(), 0);
  }

  @Test
  public void absurdLimitIsNoLimit() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = submit("x", Duration.ofSeconds(Long.MAX_VALUE));
    worker.lastBatch().respondToAll("ok");
    assertEquals(sink.body(), Optional.of("ok"));
  }

  @Test
  public void deadlineHoldsAcrossTheDeathOfAWorker() {
    FakeWorker worker = fixture.serve(1, LIMITED).get(0);
    RecordingSink sink = fixture.predict("a");
    worker.die();
    fixture.advance(Duration.ofMillis(200));
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    fixture.starter().latest().load();
    assertEquals(fixture.starter().latest().batches().size(), 0);
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void noTimerIsLeftBehindByCompletedRequests() {
    FakeWorker worker = fixture.serve(1, LIMITED).get(0);
    int before = fixture.time().pending();
    for (int i = 0; i < 100; i++) {
      fixture.predict("x");
      worker.lastBatch().respondToAll("ok");
    }
    assertTrue(fixture.time().pending() <= before + 2, "one for deadlines, one for silence");
  }

  @Test
  public void clientThatLeavesTheQueueFreesItsPlace() {
    FakeWorker worker = fixture.serve(1, new Configs().jobQueueSize(1).build()).get(0);
    fixture.predict("running");
    RecordingSink sink = new RecordingSink();
    InferenceCall call = fixture.submit("leaves", Optional.empty(), sink);
    call.cancel();
    call.cancel();
    fixture.predict("stays");
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("stays"));
    assertEquals(sink.ends(), 0);
    assertEquals(worker.cancels(), List.of());
  }

  @Test
  public void clientThatLeavesWhileItRunsHasItsWorkCancelled() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = new RecordingSink();
    InferenceCall call = fixture.submit("leaves", Optional.empty(), sink);
    int batch = worker.lastBatch().id();
    worker.chunk(batch, 0, "one");
    call.cancel();
    assertEquals(worker.cancels(), List.of(new Cancelled(batch, 0)));
    worker.chunk(batch, 0, "two");
    worker.error(batch, 0, 499, "cancelled", "");
    assertEquals(sink.chunks(), List.of("one"));
    assertEquals(sink.ends(), 0);
    assertTrue(
        fixture.core().models().describe("m", Optional.empty()).condition().lastError().isEmpty(),
        "no failure of the handler");
  }

  @Test
  public void cancelledRequestIsNotRunAgain() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    InferenceCall call = fixture.submit("leaves", Optional.empty(), new RecordingSink());
    call.cancel();
    worker.die();
    fixture.starter().latest().load();
    assertEquals(fixture.starter().latest().batches().size(), 0);
  }

  private RecordingSink submit(String body, Duration timeout) {
    RecordingSink sink = new RecordingSink();
    InferenceCall unused = fixture.submit(body, Optional.of(timeout), sink);
    return sink;
  }
}
