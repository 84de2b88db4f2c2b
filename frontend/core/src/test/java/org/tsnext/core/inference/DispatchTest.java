package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** Who gets which request, how many at once, and who is turned away. */
public class DispatchTest {

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
  public void slowModelIsNotPipelined() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    serveEach(List.of(worker), Duration.ofMillis(101));
    fixture.predict("a");
    fixture.predict("b");
    assertEquals(worker.batches().size(), 21);
  }

  @DataProvider
  static Object[][] shortTimes() {
    return new Object[][] {{Duration.ofMillis(3)}, {Duration.ofMillis(90)}};
  }

  @Test(dataProvider = "shortTimes")
  public void onlyWorkerOfAModelWithShortBatchesHasTheNextOneAhead(Duration time) {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    serveEach(List.of(worker), time);
    fixture.predict("a");
    RecordingSink ahead = fixture.predict("b");
    RecordingSink waiting = fixture.predict("c");
    assertEquals(worker.batches().size(), 22, "one runs, one is ahead, one waits");
    assertEquals(worker.lastBatch().bodies(), List.of("b"));
    worker.die();
    fixture.starter().latest().load();
    FakeWorker next = fixture.starter().latest();
    next.respondToOpen();
    next.respondToOpen();
    next.respondToOpen();
    assertEquals(ahead.body(), Optional.of("ok"), "it was not begun, and is not lost");
    assertEquals(waiting.body(), Optional.of("ok"));
  }

  @Test
  public void whatTheOnlyWorkerHasAheadGoesAtOnceToASecondOne() {
    FakeWorker first = fixture.serve(1, ModelConfig.none()).get(0);
    first.givesBack(true);
    serveEach(List.of(first), Duration.ofMillis(50));
    fixture.predict("a");
    RecordingSink ahead = fixture.predict("b");
    fixture.advance(Duration.ofMillis(10));
    CompletableFuture<ScaleResult> scaled =
        fixture
            .core()
            .models()
            .scale("m", Optional.empty(), new ScaleModel(2, 2, true, Optional.empty()));
    FakeWorker second = fixture.starter().latest();
    second.load();
    assertTrue(scaled.isDone());
    assertEquals(first.withdrawn(), List.of(first.lastBatch().id()), "40 ms before its turn");
    first.withdrawal(first.lastBatch().id(), true);
    second.respondToOpen();
    assertEquals(ahead.body(), Optional.of("ok"));
    first.respondToOpen();
  }

  @Test
  public void nothingIsSentAheadToOneOfSeveralThatGivesNothingBack() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    serveEach(workers, Duration.ofMillis(3));
    for (String body : List.of("a", "b", "c")) {
      fixture.predict(body);
    }
    int batches = workers.stream().mapToInt(worker -> worker.batches().size()).sum();
    assertEquals(batches, 22, "one for each, and one request waits");
  }

  @Test
  public void batchThatIsNotFullIsNotSentAhead() {
    ModelConfig config = new Configs().batch(2, Duration.ZERO).build();
    FakeWorker worker = fixture.serve(1, config).get(0);
    serveEach(List.of(worker), Duration.ofMillis(3));
    fixture.predict("a");
    fixture.predict("b");
    assertEquals(worker.lastBatch().bodies(), List.of("a"));
    fixture.predict("c");
    assertEquals(worker.lastBatch().bodies(), List.of("b", "c"));
  }

  /** Twenty requests, one after the other, which the workers take in turn. */
  private void serveEach(List<FakeWorker> workers, Duration time) {
    for (int i = 0; i < 20; i++) {
      fixture.predict("x");
      fixture.advance(time);
      workers.forEach(FakeWorker::respondToOpen);
    }
  }

  @Test
  public void fastModelIsPipelinedByAboutTwoMilliseconds() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    for (int i = 0; i < 40; i++) {
      fixture.predict("x");
      fixture.advance(Duration.ofNanos(500_000));
      worker.lastBatch().respondToAll("ok");
    }
    int before = worker.batches().size();
    for (int i = 0; i < 10; i++) {
      fixture.predict("x");
    }
    assertEquals(worker.batches().size() - before, 5, "one runs, 2 ms of work wait");
  }

  @Test
  public void noRequestWaitsBehindABusyWorkerWhileAnotherIsIdle() {
    List<FakeWorker> workers = fixture.serve(4, ModelConfig.none());
    for (int i = 0; i < 40; i++) {
      fixture.predict("warm up");
      workers.forEach(FakeWorker::respondToOpen);
    }
    List<Integer> before = workers.stream().map(worker -> worker.batches().size()).toList();
    for (int i = 0; i < 4; i++) {
      fixture.predict("x");
    }
    for (int i = 0; i < 4; i++) {
      assertEquals(workers.get(i).batches().size() - before.get(i), 1);
    }
  }

  @Test
  public void workerThatWillBeFreeFirstGetsTheNextOne() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    fixture.predict("a");
    fixture.advance(Duration.ofMillis(10));
    fixture.predict("b");
    fixture.predict("c");
    fixture.advance(Duration.ofMillis(5));
    FakeWorker second = holder(workers, "b");
    second.lastBatch().respondToAll("ok");
    assertEquals(second.lastBatch().bodies(), List.of("c"));
  }

  @Test
  public void asyncWorkersGetManyRequestsOneByOne() {
    FakeWorker worker =
        fixture
            .serve(1, new Configs().asyncCommunication().batch(8, Duration.ofSeconds(1)).build())
            .get(0);
    assertTrue(worker.spec().model().async());
    for (int i = 0; i < DispatchPolicy.ASYNC; i++) {
      fixture.predict("x");
    }
    assertEquals(worker.batches().size(), DispatchPolicy.ASYNC);
    assertTrue(worker.batches().stream().allMatch(batch -> batch.size() == 1));
    fixture.predict("one more");
    assertEquals(worker.batches().size(), DispatchPolicy.ASYNC);
    worker.respond(worker.batches().get(17).id(), 0, "out of order");
    assertEquals(worker.batches().size(), DispatchPolicy.ASYNC + 1);
  }

  @Test
  public void concurrencySaysHowManyRequestsAWorkerHasAndSparesNoneOfTheRest() {
    List<FakeWorker> workers =
        fixture.serve(2, new Configs().concurrency(3).batch(8, Duration.ofSeconds(1)).build());
    assertTrue(workers.get(0).spec().model().async());
    List<RecordingSink> sinks = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      sinks.add(fixture.predict("r" + i));
    }
    for (FakeWorker worker : workers) {
      assertEquals(worker.batches().size(), 3);
      assertTrue(worker.batches().stream().allMatch(batch -> batch.size() == 1));
    }
    // What ran on a worker that dies runs on the other one as soon as there is room, and once.
    FakeWorker dead = workers.get(0);
    FakeWorker alive = workers.get(1);
    dead.die();
    for (int answered = 0; answered < 8; answered++) {
      assertTrue(alive.batches().size() - answered <= 3, "no more than three at a time");
      alive.respond(alive.batches().get(answered).id(), 0, "ok");
    }
    assertEquals(sinks.stream().mapToInt(RecordingSink::ends).sum(), 8);
  }

  @Test
  public void asyncRequestHasItsOwnResponseTimeout() {
    FakeWorker worker =
        fixture
            .serve(
                1,
                new Configs().asyncCommunication().responseTimeout(Duration.ofSeconds(2)).build())
            .get(0);
    RecordingSink stuck = fixture.predict("stuck");
    RecordingSink lively = fixture.predict("lively");
    int stuckBatch = worker.batches().get(0).id();
    int livelyBatch = worker.batches().get(1).id();
    fixture.advance(Duration.ofMillis(1500));
    worker.chunk(livelyBatch, 0, "x");
    fixture.advance(Duration.ofMillis(500));
    assertEquals(stuck.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertEquals(worker.cancels(), List.of(new FakeWorker.Cancelled(stuckBatch, 0)));
    assertFalse(worker.wasKilled());
    assertEquals(lively.ends(), 0);
    fixture.advance(Duration.ofMillis(1500));
    assertEquals(lively.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertTrue(worker.wasKilled(), "no word at all");
    assertEquals(List.of(stuck.ends(), lively.ends()), List.of(1, 1));
  }

  @Test
  public void modelWithoutWorkersRefuses() {
    fixture.register(0, ModelConfig.none()).join();
    RecordingSink sink = fixture.predict("x");
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.NO_WORKER));
    assertEquals(
        sink.error().orElseThrow().getMessage(),
        "Model \"m\" has no worker to serve inference request. Please use scale workers API to add"
            + " workers.");
    // A description asks the version that was found, which the client need not have named.
    RecordingSink description = new RecordingSink();
    fixture
        .core()
        .inference()
        .submit(
            fixture
                .requests()
                .request("m", Optional.of("1.0"), RequestKind.DESCRIBE, "", Optional.empty()),
            description);
    assertEquals(
        description.error().orElseThrow().getMessage(),
        "Model \"m\" has no worker to serve describe request. Please use scale workers API to add"
            + " workers.");
  }

  @Test
  public void descriptionHasAPlaceOfItsOwnAndGoesFirst() {
    FakeWorker worker = fixture.serve(1, new Configs().jobQueueSize(2).build()).get(0);
    for (int i = 0; i < 3; i++) {
      fixture.predict("p" + i);
    }
    assertEquals(fixture.predict("x").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    List<RecordingSink> descriptions = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      descriptions.add(fixture.send(RequestKind.DESCRIBE, "describe"));
    }
    assertEquals(descriptions.get(2).errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.batches().get(1).bodies(), List.of("describe"));
    worker.onSend(batch -> batch.respondToAll("ok"));
    worker.respondToOpen();
    assertEquals(descriptions.get(1).body(), Optional.of("ok"));
  }

  @Test
  public void fullQueueSaysSo() {
    fixture.serve(1, new Configs().jobQueueSize(2).build());
    List<RecordingSink> sinks = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      sinks.add(fixture.predict("x"));
    }
    assertEquals(sinks.get(2).ends(), 0, "one runs, two wait");
    assertEquals(sinks.get(3).errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    String message = sinks.get(3).error().orElseThrow().getMessage();
    assertTrue(message.startsWith("Model \"m\" has no worker to serve inference request."));
    assertTrue(message.endsWith("Its queue is full: 2 requests wait (jobQueueSize 2)."));
  }

  @Test
  public void jobTicketAdmitsOnlyToIdleWorkers() {
    FakeWorker worker = fixture.serve(1, new Configs().jobTicket().build()).get(0);
    RecordingSink first = fixture.predict("a");
    RecordingSink second = fixture.predict("b");
    assertEquals(first.ends(), 0);
    assertEquals(second.errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    assertTrue(second.error().orElseThrow().getMessage().contains("useJobTicket"));
    worker.lastBatch().respondToAll("ok");
    assertEquals(fixture.predict("c").ends(), 0);
  }

  private static FakeWorker holder(List<FakeWorker> workers, String body) {
    return workers.stream()
        .filter(worker -> worker.lastBatch().bodies().contains(body))
        .findFirst()
        .orElseThrow();
  }
}
