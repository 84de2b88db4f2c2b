package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotSame;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** Workers that answer, but answer nothing with success, and workers that can serve no more. */
public class ReplacementTest {

  private static final String BROKEN = "its accelerator fails every call";

  private CoreFixture fixture;
  private int requests;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
    requests = 0;
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
  }

  @Test
  public void twentyFailuresInARowReplaceTheWorkerAndTheDescriptionSaysWhy() {
    FakeWorker worker = serve(ModelConfig.none());
    fail(worker, 19);
    assertFalse(worker.hasExited());
    fail(worker, 1);
    assertTrue(worker.wasStopped());
    assertFalse(worker.wasKilled());
    FakeWorker next = fixture.starter().latest();
    assertNotSame(next, worker);
    assertEquals(described().state(), WorkerState.STARTING);
    String reason = "20 failures in a row (maxFailuresInRow), the last: ValueError: bad";
    assertEquals(described().history().lastExit().orElseThrow().reason(), reason);
    assertEquals(described().history().lastError().orElseThrow().type(), "ValueError");
    next.load();
    respond(next, predict());
    assertEquals(described().history().restarts(), 1);
    assertEquals(described().history().lastExit().orElseThrow().reason(), reason);
  }

  @Test
  public void successBetweenFailuresKeepsTheWorker() {
    FakeWorker worker = serve(ModelConfig.none());
    for (int i = 0; i < 5; i++) {
      fail(worker, 19);
      respond(worker, predict());
    }
    assertSame(fixture.starter().latest(), worker);
  }

  @Test
  public void oneRequestThatIsRepeatedCountsOnce() {
    FakeWorker worker = serve(ModelConfig.none());
    fail(worker, 18);
    for (int i = 0; i < 50; i++) {
      fail(worker, fixture.predict("the same bad bytes"), 503);
    }
    assertSame(fixture.starter().latest(), worker);
    fail(worker, 1);
    assertNotSame(fixture.starter().latest(), worker);
  }

  @Test
  public void errorsOfClientsAreNoFailures() {
    FakeWorker worker = serve(ModelConfig.none());
    for (int status : new int[] {400, 404, 413, 422, 499}) {
      for (int i = 0; i < 30; i++) {
        fail(worker, predict(), status);
      }
    }
    assertSame(fixture.starter().latest(), worker);
    for (int i = 0; i < 20; i++) {
      fail(worker, predict(), 501);
    }
    assertNotSame(fixture.starter().latest(), worker);
  }

  @Test
  public void statusThatAHandlerChoosesCountsFrom500On() {
    FakeWorker worker = serve(ModelConfig.none());
    for (int i = 0; i < 19; i++) {
      predict();
      worker.respondWithStatus(worker.lastBatch().id(), 0, 500);
    }
    predict();
    worker.respondWithStatus(worker.lastBatch().id(), 0, 404);
    for (int i = 0; i < 19; i++) {
      predict();
      worker.respondWithStatus(worker.lastBatch().id(), 0, 599);
    }
    assertSame(fixture.starter().latest(), worker, "an answer for a client's mistake is sound");
    predict();
    worker.respondWithStatus(worker.lastBatch().id(), 0, 500);
    assertNotSame(fixture.starter().latest(), worker);
    assertTrue(described().history().lastExit().orElseThrow().reason().contains("status 500"));
  }

  @Test
  public void batchThatFailsCountsOnceHoweverManyRequestsItHas() {
    FakeWorker worker = serve(new Configs().batch(4, Duration.ZERO).build());
    for (int i = 0; i < 19; i++) {
      predict();
      for (int waiting = 0; waiting < 3; waiting++) {
        predict();
      }
      failOpenBatches(worker);
    }
    assertSame(fixture.starter().latest(), worker, "19 calls of one and more requests");
  }

  @Test
  public void itemsOfOneBatchThatFailOneByOneCountOnce() {
    FakeWorker worker = serve(new Configs().batch(8, Duration.ofSeconds(1)).build());
    for (int call = 0; call < 19; call++) {
      for (int i = 0; i < 8; i++) {
        predict();
      }
      for (int item = 0; item < 8; item++) {
        worker.error(worker.lastBatch().id(), item, 503, "Prediction failed", "ValueError: bad");
      }
    }
    assertSame(fixture.starter().latest(), worker);
  }

  @Test
  public void numberIsASettingAndZeroMeansNever() {
    FakeWorker worker = serve(new Configs().maxFailuresInRow(3).build());
    fail(worker, 3);
    assertNotSame(fixture.starter().latest(), worker);
    fixture.closeAndCheck();
    fixture = new CoreFixture();
    FakeWorker patient = serve(new Configs().maxFailuresInRow(0).build());
    fail(patient, 500);
    assertSame(fixture.starter().latest(), patient);
  }

  @Test
  public void failingWorkerFinishesWhatItRunsAndWhatWaitsIsServedByTheNext() {
    FakeWorker worker = serve(ModelConfig.none());
    fail(worker, 19);
    RecordingSink last = predict();
    List<RecordingSink> behind = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      behind.add(predict());
    }
    FakeWorker.SentBatch failing = worker.batches().get(19);
    worker.error(failing.id(), 0, 503, "Prediction failed", "ValueError: bad");
    assertEquals(last.ends(), 1);
    // What it was given before goes on.
    worker.respondToOpen();
    assertTrue(worker.wasStopped());
    FakeWorker next = fixture.starter().latest();
    assertNotSame(next, worker);
    next.onSend(batch -> batch.respondToAll("ok"));
    next.load();
    behind.forEach(sink -> assertEquals(sink.body(), Optional.of("ok")));
  }

  @Test
  public void clientsWhoseRequestsAllFailCannotKeepAWorkerFromServing() {
    FakeWorker worker = serve(ModelConfig.none());
    fail(worker, 20);
    for (int pause : new int[] {10, 20, 40, 80}) {
      FakeWorker next = fixture.starter().latest();
      next.load();
      fail(next, 100);
      assertSame(fixture.starter().latest(), next, "serves for " + pause + " s at least");
      assertEquals(described().state(), WorkerState.READY);
      idle(next, pause);
      fixture.advance(Duration.ofMillis(-1).plusSeconds(5));
      fail(next, 1);
      assertSame(fixture.starter().latest(), next);
      fixture.advance(Duration.ofMillis(1));
      fail(next, 1);
      assertNotSame(fixture.starter().latest(), next);
    }
    fixture.starter().latest().load();
    assertTrue(fixture.core().models().health().healthy());
    idle(fixture.starter().latest(), 3605);
    fail(fixture.starter().latest(), 20);
    FakeWorker next = fixture.starter().latest();
    next.load();
    fail(next, 20);
    assertSame(fixture.starter().latest(), next);
  }

  @Test
  public void workerThatSaysItCanServeNoMoreIsReplacedAndWhatItHadIsNotTried() {
    FakeWorker worker = serve(new Configs().noRetryOnWorkerDeath().build());
    respond(worker, predict());
    RecordingSink first = predict();
    RecordingSink second = predict();
    assertEquals(worker.batches().size(), 3, "it was given both");
    worker.error(worker.batches().get(1).id(), 0, 507, "Out of resources", "AcceleratorError: x");
    assertEquals(first.ends(), 1);
    worker.unusable(BROKEN);
    FakeWorker next = fixture.starter().latest();
    assertNotSame(next, worker, "at once");
    assertEquals(described().history().lastExit().orElseThrow().reason(), BROKEN);
    next.load();
    respond(next, second);
    assertEquals(second.body(), Optional.of("ok"));
  }

  @Test
  public void workersThatCanServeNothingComeBackSlowerAndSlowerAndAreNeverGivenUp() {
    FakeWorker worker = serve(new Configs().maxRetryTimeout(Duration.ofSeconds(5)).build());
    for (int delay : new int[] {0, 1, 1, 2, 3, 5, 8, 13, 21, 30, 30}) {
      RecordingSink sink = predict();
      worker.error(worker.lastBatch().id(), 0, 507, "Out of resources", "AcceleratorError: x");
      assertEquals(sink.ends(), 1);
      worker.unusable(BROKEN);
      if (delay > 0) {
        assertSame(fixture.starter().latest(), worker);
        assertTrue(diagnosis().contains("AcceleratorError: x"), diagnosis());
        fixture.advance(Duration.ofSeconds(delay));
      }
      assertNotSame(fixture.starter().latest(), worker);
      worker = fixture.starter().latest();
      worker.load();
    }
    respond(worker, predict());
    RecordingSink sink = predict();
    worker.error(worker.lastBatch().id(), 0, 507, "Out of resources", "AcceleratorError: x");
    assertEquals(sink.ends(), 1);
    worker.unusable(BROKEN);
    assertNotSame(fixture.starter().latest(), worker, "one that was of use comes back at once");
  }

  @Test
  public void failingWorkerThatHangsWhileItFinishesIsKilledAfterItsResponseTimeout() {
    FakeWorker worker =
        serve(
            new Configs()
                .asyncCommunication()
                .responseTimeout(Duration.ofSeconds(5))
                .maxFailuresInRow(1)
                .build());
    predict();
    RecordingSink hanging = predict();
    worker.error(worker.batches().get(0).id(), 0, 503, "Prediction failed", "ValueError: bad");
    assertFalse(worker.hasExited());
    worker.diesOnRequest(false);
    fixture.advance(Duration.ofSeconds(5));
    assertTrue(worker.wasKilled());
    worker.die();
    assertNotSame(fixture.starter().latest(), worker);
    fixture.starter().latest().load();
    fixture.starter().latest().respondToOpen();
    assertEquals(hanging.ends(), 1);
  }

  private FakeWorker serve(ModelConfig config) {
    return fixture.serve(1, config).get(0);
  }

  /** Lets time pass, 5 s less than that, while the worker shows that it lives. */
  private void idle(FakeWorker worker, int seconds) {
    for (int passed = 5; passed < seconds; passed += 5) {
      fixture.advance(Duration.ofSeconds(5));
      worker.pings().forEach(worker::pong);
    }
  }

  private RecordingSink predict() {
    return fixture.predict("request " + requests++);
  }

  private void fail(FakeWorker worker, int count) {
    for (int i = 0; i < count; i++) {
      fail(worker, predict(), 503);
    }
  }

  private static void fail(FakeWorker worker, RecordingSink sink, int status) {
    worker.error(worker.lastBatch().id(), -1, status, "Prediction failed", "ValueError: bad");
    assertEquals(sink.ends(), 1);
  }

  /** Fails each batch as a whole, those that follow on it too; one failure each. */
  private static void failOpenBatches(FakeWorker worker) {
    FakeWorker.SentBatch batch = worker.lastBatch();
    worker.error(batch.id(), -1, 503, "Prediction failed", "ValueError: bad");
    if (worker.lastBatch().id() != batch.id()) {
      worker.lastBatch().respondToAll("ok");
    }
  }

  private static void respond(FakeWorker worker, RecordingSink sink) {
    worker.respondToOpen();
    assertEquals(sink.body(), Optional.of("ok"));
  }

  private ModelDescription.Worker described() {
    return fixture.core().models().describe("m", Optional.empty()).condition().workers().get(0);
  }

  private String diagnosis() {
    return fixture.core().models().describe("m", Optional.empty()).condition().diagnosis().reason();
  }
}
