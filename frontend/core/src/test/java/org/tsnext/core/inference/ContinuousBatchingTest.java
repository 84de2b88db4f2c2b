package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorker.Cancelled;
import org.tsnext.core.testing.FakeWorker.SentBatch;
import org.tsnext.core.testing.RecordingSink;

/** Continuous batching as the core sees it: up to batchSize requests run on a worker at once. */
public class ContinuousBatchingTest {

  private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(2);

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  private FakeWorker serve(int batchSize) {
    return serve(1, batchSize).get(0);
  }

  private List<FakeWorker> serve(int workers, int batchSize) {
    return fixture.serve(
        workers,
        new Configs()
            .continuousBatching()
            .batch(batchSize, Duration.ofSeconds(1))
            .responseTimeout(RESPONSE_TIMEOUT)
            .build());
  }

  @Test
  public void requestsJoinAtOnceOneByOneUpToTheBatchSize() {
    FakeWorker worker = serve(3);
    fixture.predict("a");
    assertEquals(worker.lastBatch().bodies(), List.of("a"), "no wait for maxBatchDelay");
    for (String body : List.of("b", "c", "d", "e")) {
      fixture.predict(body);
    }
    assertEquals(bodies(worker), List.of(List.of("a"), List.of("b"), List.of("c")));
    worker.chunk(worker.batches().get(0).id(), 0, "goes on");
    assertEquals(worker.batches().size(), 3, "a chunk frees nothing");
    worker.respond(worker.batches().get(1).id(), 0, "ends first");
    assertEquals(worker.lastBatch().bodies(), List.of("d"));
  }

  @Test
  public void workerGetsTheBatchSizeThatItsRunsMayHave() {
    assertEquals(serve(3).spec().model().batchSize(), 3);
  }

  @Test
  public void oneStepResponseIsPlainAndSeveralStepsAreAStream() {
    FakeWorker worker = serve(2);
    RecordingSink plain = fixture.predict("plain");
    RecordingSink stream = fixture.predict("stream");
    worker.chunk(worker.batches().get(1).id(), 0, "one ");
    worker.respond(worker.batches().get(0).id(), 0, "whole");
    worker.respond(worker.batches().get(1).id(), 0, "two");
    assertEquals(plain.body(), Optional.of("whole"));
    assertEquals(stream.chunks(), List.of("one ", "two"));
    assertEquals(plain.ends() + stream.ends(), 2);
  }

  @Test
  public void requestsGoToTheWorkerWithTheFewest() {
    List<FakeWorker> workers = serve(2, 4);
    for (int i = 0; i < 6; i++) {
      fixture.predict("x");
    }
    assertEquals(workers.get(0).batches().size(), 3);
    assertEquals(workers.get(1).batches().size(), 3);
  }

  @Test
  public void timeBetweenMessagesCountsForEachRequest() {
    FakeWorker worker = serve(2);
    RecordingSink silent = fixture.predict("silent");
    RecordingSink lively = fixture.predict("lively");
    SentBatch livelyBatch = worker.batches().get(1);
    for (int i = 0; i < 4; i++) {
      fixture.advance(RESPONSE_TIMEOUT.dividedBy(4));
      worker.chunk(livelyBatch.id(), 0, "x");
    }
    assertEquals(silent.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertEquals(worker.cancels(), List.of(new Cancelled(worker.batches().get(0).id(), 0)));
    assertFalse(worker.wasKilled(), "it goes on with the other");
    worker.respond(livelyBatch.id(), 0, "end");
    assertEquals(lively.chunks().size(), 5);
    assertEquals(silent.ends(), 1);
  }

  @Test
  public void workerThatSaysNothingAtAllIsKilled() {
    FakeWorker worker = serve(2);
    RecordingSink first = fixture.predict("a");
    RecordingSink second = fixture.predict("b");
    fixture.advance(RESPONSE_TIMEOUT);
    assertEquals(first.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertEquals(second.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertTrue(worker.wasKilled());
  }

  @Test
  public void clientThatLeavesHasItsRequestCancelledWhileOthersGoOn() {
    FakeWorker worker = serve(2);
    RecordingSink left = new RecordingSink();
    InferenceCall call = fixture.submit("leaves", Optional.empty(), left);
    RecordingSink stays = fixture.predict("stays");
    fixture.predict("waits");
    int leaving = worker.batches().get(0).id();
    worker.chunk(leaving, 0, "x");
    call.cancel();
    assertEquals(worker.cancels(), List.of(new Cancelled(leaving, 0)));
    worker.error(leaving, 0, 499, "cancelled", "");
    assertEquals(worker.lastBatch().bodies(), List.of("waits"));
    worker.respond(worker.batches().get(1).id(), 0, "ok");
    assertEquals(stays.body(), Optional.of("ok"));
    assertEquals(left.ends(), 0);
  }

  @Test
  public void deathFailsBegunStreamsAndRunsTheOthersAgain() {
    FakeWorker worker = serve(2);
    RecordingSink begun = fixture.predict("begun");
    RecordingSink fresh = fixture.predict("fresh");
    worker.chunk(worker.batches().get(0).id(), 0, "x");
    worker.die();
    assertEquals(begun.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    FakeWorker next = fixture.starter().latest();
    next.load();
    assertEquals(next.lastBatch().bodies(), List.of("fresh"));
    next.lastBatch().respondToAll("ok");
    assertEquals(fresh.body(), Optional.of("ok"));
  }

  private static List<List<String>> bodies(FakeWorker worker) {
    return worker.batches().stream().map(SentBatch::bodies).toList();
  }
}
