package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorker.SentBatch;
import org.tsnext.core.testing.RecordingSink;

/** Sequences: who gets their requests, in which order, and how they end. */
public class SequenceBatchingTest {

  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final Duration DELAY = Duration.ofMillis(100);

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  private static Configs sequences(int maxOpen, int maxWaiting) {
    return new Configs().sequences(IDLE, maxOpen, maxWaiting);
  }

  @Test
  public void requestsOfASequenceRunInOrderOneAtATime() {
    FakeWorker worker = serve(1, sequences(4, 10).batch(4, Duration.ZERO)).get(0);
    List<RecordingSink> sinks = new ArrayList<>();
    for (String body : List.of("1", "2", "3")) {
      sinks.add(send("s", body));
    }
    assertEquals(bodies(worker), List.of(List.of("1")));
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("2"));
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("3"));
    worker.lastBatch().respondToAll("ok");
    assertTrue(sinks.stream().allMatch(sink -> sink.ends() == 1 && sink.body().isPresent()));
  }

  @Test
  public void sequenceSticksToItsWorkerWhileAnotherIsIdle() {
    List<FakeWorker> workers = serve(2, sequences(4, 10));
    send("s", "1");
    FakeWorker owner = holder(workers, "1");
    FakeWorker other = workers.get(1 - workers.indexOf(owner));
    owner.lastBatch().respondToAll("ok");
    for (String body : List.of("2", "3", "4")) {
      send("s", body);
      assertEquals(owner.lastBatch().bodies(), List.of(body));
      owner.lastBatch().respondToAll("ok");
    }
    assertEquals(other.batches().size(), 0);
  }

  @Test
  public void sequencesAreSpreadOverWorkers() {
    List<FakeWorker> workers = serve(2, sequences(6, 1));
    for (int i = 0; i < 6; i++) {
      send("s" + i, "x");
      workers.forEach(FakeWorker::respondToOpen);
    }
    assertEquals(workers.get(0).batches().size(), 3);
    assertEquals(workers.get(1).batches().size(), 3);
  }

  @Test
  public void batchMixesSequencesWithOneRequestOfEach() {
    FakeWorker worker = serve(1, sequences(4, 10).batch(3, DELAY)).get(0);
    send("a", "a1");
    send("a", "a2");
    send("b", "b1");
    assertEquals(worker.batches().size(), 0);
    send("c", "c1");
    assertEquals(worker.lastBatch().bodies(), List.of("a1", "b1", "c1"));
    send("d", "d1");
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.batches().size(), 1, "two are not a full batch");
    fixture.advance(DELAY);
    assertEquals(worker.lastBatch().bodies(), List.of("a2", "d1"));
  }

  @Test
  public void batchDoesNotWaitForRequestsThatCannotJoin() {
    FakeWorker worker = serve(1, sequences(2, 10).batch(8, DELAY)).get(0);
    send("a", "a1");
    send("b", "b1");
    assertEquals(worker.lastBatch().bodies(), List.of("a1", "b1"), "there is no third sequence");
  }

  @Test
  public void idleWorkerDoesNotWaitForABusyOne() {
    List<FakeWorker> workers = serve(2, sequences(4, 10));
    send("a", "a1");
    send("b", "b1");
    FakeWorker first = holder(workers, "a1");
    send("b", "b2");
    holder(workers, "b1").lastBatch().respondToAll("ok");
    assertEquals(holder(workers, "b1").lastBatch().bodies(), List.of("b2"));
    assertEquals(first.batches().size(), 1);
  }

  @Test
  public void kindsAreNotMixedAndDescriptionsNeedNoSequence() {
    FakeWorker worker = serve(1, sequences(2, 10).batch(4, Duration.ZERO)).get(0);
    send("a", "running");
    send("a", "predict");
    send("b", RequestKind.EXPLAIN, "explain");
    fixture.send(RequestKind.DESCRIBE, "describe");
    for (int i = 0; i < 4; i++) {
      worker.lastBatch().respondToAll("ok");
    }
    assertEquals(
        bodies(worker),
        List.of(List.of("running"), List.of("describe"), List.of("predict"), List.of("explain")));
  }

  @Test
  public void oneSequenceTooManyIsRefusedUntilAnotherEnds() {
    FakeWorker worker = serve(1, sequences(2, 1)).get(0);
    send("a", "x");
    worker.respondToOpen();
    send("b", "x");
    worker.respondToOpen();
    RecordingSink refused = send("c", "x");
    assertEquals(refused.errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    assertTrue(message(refused).contains("maxNumSequence 2"), message(refused));
    RecordingSink known = send("a", "x");
    worker.respondToOpen();
    assertEquals(known.body(), Optional.of("ok"));
    fixture.advance(IDLE);
    RecordingSink later = send("c", "x");
    worker.respondToOpen();
    assertEquals(later.body(), Optional.of("ok"));
  }

  @Test
  public void oneRequestTooManyOfASequenceIsRefused() {
    serve(1, sequences(2, 2));
    send("a", "runs");
    send("a", "waits");
    send("a", "waits");
    RecordingSink refused = send("a", "too many");
    assertEquals(refused.errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    assertTrue(message(refused).contains("maxSequenceJobQueueSize 2"), message(refused));
    assertEquals(send("b", "another").ends(), 0);
  }

  @Test
  public void requestThatIsNextTakesNoPlaceInTheQueue() {
    FakeWorker worker = serve(1, sequences(2, 1).batch(4, DELAY)).get(0);
    send("a", "next");
    send("a", "waits");
    assertEquals(send("a", "too many").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    fixture.advance(DELAY);
    assertEquals(worker.lastBatch().bodies(), List.of("next"));
  }

  @Test
  public void absurdIdIsRefused() {
    serve(1, sequences(2, 2));
    RecordingSink refused = send("x".repeat(257), "x");
    assertEquals(refused.errorKind(), Optional.of(ErrorKind.BAD_REQUEST));
  }

  @Test
  public void requestsWithoutIdAreSequencesOfTheirOwn() {
    serve(1, sequences(2, 1));
    fixture.predict("x");
    fixture.predict("x");
    assertEquals(fixture.predict("x").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
  }

  @Test
  public void idleTimeBeginsWithTheLastResponse() {
    List<FakeWorker> workers = serve(2, sequences(1, 1));
    send("a", "x");
    fixture.advance(IDLE.multipliedBy(2));
    workers.forEach(FakeWorker::respondToOpen);
    fixture.advance(IDLE.minusMillis(1));
    assertEquals(send("b", "x").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    send("a", "x");
    workers.forEach(FakeWorker::respondToOpen);
    fixture.advance(IDLE.minusMillis(1));
    assertEquals(send("b", "x").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    fixture.advance(Duration.ofMillis(1));
    assertEquals(send("b", "x").ends(), 0);
  }

  @Test
  public void lifetimeEndsASequenceWithAWordToThoseThatWait() {
    Configs config = sequences(1, 2).sequenceTimeout(IDLE.multipliedBy(2));
    FakeWorker worker = serve(1, config).get(0);
    RecordingSink runs = send("a", "runs");
    RecordingSink waits = send("a", "waits");
    fixture.advance(IDLE.multipliedBy(2));
    assertEquals(waits.errorKind(), Optional.of(ErrorKind.SEQUENCE_CLOSED));
    assertTrue(message(waits).contains("sequenceTimeoutMSec"), message(waits));
    assertEquals(runs.ends(), 0, "what runs may end");
    RecordingSink reopened = send("a", "anew");
    worker.respondToOpen();
    worker.respondToOpen();
    assertEquals(runs.body(), Optional.of("ok"));
    assertEquals(reopened.body(), Optional.of("ok"));
    assertEquals(waits.ends(), 1);
  }

  @Test
  public void deathEndsTheSequencesOfAWorkerAndNoOthers() {
    List<FakeWorker> workers = serve(2, sequences(2, 5));
    RecordingSink runs = send("a", "a1");
    RecordingSink waits = send("a", "a2");
    RecordingSink other = send("b", "b1");
    FakeWorker owner = holder(workers, "a1");
    owner.die();
    assertEquals(runs.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertTrue(message(runs).startsWith("Worker died. Sequence \"a\""), message(runs));
    assertEquals(waits.errorKind(), Optional.of(ErrorKind.SEQUENCE_CLOSED));
    assertTrue(message(waits).contains("opens a new one"), message(waits));
    assertEquals(other.ends(), 0);
    RecordingSink reopened = send("a", "a3");
    workers.forEach(FakeWorker::respondToOpen);
    workers.forEach(FakeWorker::respondToOpen);
    assertEquals(other.body(), Optional.of("ok"));
    assertEquals(reopened.body(), Optional.of("ok"), "the other worker takes the id over");
    assertEquals(runs.ends() + waits.ends(), 2);
  }

  @Test
  public void onlyWorkerRecoversAndServesNewSequences() {
    FakeWorker worker = serve(1, sequences(1, 1)).get(0);
    send("a", "x");
    worker.respondToOpen();
    worker.die();
    RecordingSink next = send("a", "again");
    assertEquals(next.ends(), 0, "it waits for the new worker");
    FakeWorker second = fixture.starter().latest();
    second.load();
    second.respondToOpen();
    assertEquals(next.body(), Optional.of("ok"));
  }

  @Test
  public void scalingDownLetsRequestsEndAndTellsThoseThatWait() {
    List<FakeWorker> workers = serve(2, sequences(2, 5));
    List<RecordingSink> running = List.of(send("a", "a1"), send("b", "b1"));
    List<RecordingSink> waiting = List.of(send("a", "a2"), send("b", "b2"));
    CompletableFuture<ScaleResult> unused =
        fixture
            .core()
            .models()
            .scale("m", Optional.empty(), new ScaleModel(1, 1, false, Optional.empty()));
    assertEquals(
        waiting.stream().filter(sink -> sink.errorKind().isPresent()).count(), 1, "of one worker");
    workers.forEach(FakeWorker::respondToOpen);
    workers.forEach(FakeWorker::respondToOpen);
    assertTrue(running.stream().allMatch(sink -> sink.body().isPresent()));
    assertTrue(waiting.stream().allMatch(sink -> sink.ends() == 1));
  }

  @Test
  public void clientsThatLeaveFreeTheirPlaces() {
    FakeWorker worker = serve(1, sequences(1, 1)).get(0);
    send("a", "runs");
    RecordingSink sink = new RecordingSink();
    InferenceCall call = submit("a", RequestKind.PREDICT, "leaves", sink);
    call.cancel();
    send("a", "stays");
    worker.respondToOpen();
    assertEquals(worker.lastBatch().bodies(), List.of("stays"));
    assertEquals(sink.ends(), 0);
  }

  @Test
  public void cancelledRequestBlocksItsSequenceUntilTheWorkerHasLeftIt() {
    FakeWorker worker = serve(1, sequences(1, 1)).get(0);
    InferenceCall call = submit("a", RequestKind.PREDICT, "leaves", new RecordingSink());
    send("a", "next");
    call.cancel();
    assertEquals(worker.batches().size(), 1);
    assertEquals(worker.cancels().size(), 1);
    worker.error(worker.lastBatch().id(), 0, 499, "cancelled", "");
    assertEquals(worker.lastBatch().bodies(), List.of("next"));
  }

  @Test
  public void sequenceWhoseOnlyRequestLeftUnservedIsNotOpen() {
    FakeWorker worker = serve(1, sequences(2, 1)).get(0);
    send("a", "keeps the worker busy");
    submit("b", RequestKind.PREDICT, "leaves", new RecordingSink()).cancel();
    assertEquals(send("c", "x").ends(), 0);
    worker.respondToOpen();
    assertEquals(worker.batches().size(), 2);
  }

  @Test
  public void errorOfTheHandlerEndsNoSequence() {
    FakeWorker worker = serve(1, sequences(1, 5)).get(0);
    RecordingSink failed = send("a", "1");
    RecordingSink next = send("a", "2");
    worker.error(worker.lastBatch().id(), 0, 400, "bad", "");
    worker.respondToOpen();
    assertEquals(failed.errorKind(), Optional.of(ErrorKind.HANDLER_ERROR));
    assertEquals(next.body(), Optional.of("ok"));
  }

  @Test
  public void deadlinePassesWhileTheRequestWaitsInItsSequence() {
    Configs config = sequences(1, 5).clientTimeout(Duration.ofMillis(200));
    FakeWorker worker = serve(1, config).get(0);
    send("a", "1");
    fixture.advance(Duration.ofMillis(100));
    RecordingSink waits = send("a", "2");
    fixture.advance(Duration.ofMillis(200));
    assertEquals(waits.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    worker.respondToOpen();
    assertEquals(worker.batches().size(), 1);
  }

  @Test
  public void silentWorkerEndsItsSequences() {
    Configs config = sequences(2, 5).responseTimeout(Duration.ofSeconds(2));
    FakeWorker worker = serve(1, config).get(0);
    RecordingSink runs = send("a", "1");
    RecordingSink waits = send("a", "2");
    fixture.advance(Duration.ofSeconds(2));
    assertTrue(worker.wasKilled());
    assertEquals(runs.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    assertEquals(waits.errorKind(), Optional.of(ErrorKind.SEQUENCE_CLOSED));
  }

  @Test
  public void coroutinesRunSequencesSideBySideButEachInOrder() {
    Configs config = sequences(2, 5).asyncCommunication().responseTimeout(Duration.ofSeconds(2));
    FakeWorker worker = serve(1, config).get(0);
    RecordingSink late = send("a", "a1");
    send("a", "a2");
    send("b", "b1");
    assertEquals(bodies(worker), List.of(List.of("a1"), List.of("b1")));
    fixture.advance(Duration.ofSeconds(1));
    worker.chunk(worker.batches().get(1).id(), 0, "alive");
    fixture.advance(Duration.ofSeconds(1));
    assertEquals(late.errorKind(), Optional.of(ErrorKind.RESPONSE_TIMEOUT));
    send("b", "b2");
    assertEquals(worker.batches().size(), 2, "the worker still has the first one");
    worker.error(worker.batches().get(0).id(), 0, 499, "cancelled", "");
    assertEquals(worker.lastBatch().bodies(), List.of("a2"));
  }

  @Test
  public void continuousRequestsOfASequenceRunTogetherInOrder() {
    FakeWorker worker =
        serve(1, sequences(2, 2).batch(2, Duration.ZERO).continuousBatching()).get(0);
    List<RecordingSink> sinks = new ArrayList<>();
    for (String body : List.of("1", "2", "3", "4", "5", "6", "7", "8")) {
      sinks.add(send("s", body));
    }
    List<List<String>> twiceTheBatch =
        List.of(List.of("1"), List.of("2"), List.of("3"), List.of("4"));
    assertEquals(bodies(worker), twiceTheBatch);
    assertEquals(
        sinks.get(7).errorKind(), Optional.of(ErrorKind.QUEUE_FULL), "two wait behind the next");
    worker.chunk(worker.batches().get(0).id(), 0, "going on");
    worker.respond(worker.batches().get(2).id(), 0, "done");
    assertEquals(worker.lastBatch().bodies(), List.of("5"));
    fixture.advance(IDLE.multipliedBy(2));
    worker.respondToOpen();
    worker.respondToOpen();
    assertTrue(sinks.stream().allMatch(sink -> sink.ends() == 1));
    assertEquals(bodies(worker).size(), 7, "nothing has ended while requests ran");
  }

  @Test
  public void handlerEndsSequencesOfItsWorkerByAHeader() {
    FakeWorker worker =
        serve(1, sequences(3, 9).batch(1, Duration.ZERO).continuousBatching()).get(0);
    RecordingSink runs = send("a", "a1");
    send("b", "b1");
    RecordingSink waits = send("a", "a2");
    Header end = new Header("TS_request_sequence_END", "b; a ;unknown");
    worker.chunk(worker.batches().get(0).id(), 0, "last but one", end);
    assertEquals(waits.errorKind(), Optional.of(ErrorKind.SEQUENCE_CLOSED));
    assertTrue(waits.error().orElseThrow().getMessage().contains("its model ended it"));
    RecordingSink anew = send("a", "a3");
    worker.respond(worker.batches().get(0).id(), 0, "last", end);
    assertEquals(runs.ends(), 1);
    assertEquals(anew.ends(), 0, "the old sequence does not end the new one");
    worker.respondToOpen();
    assertTrue(anew.body().isPresent());
    for (String id : List.of("a", "c", "d")) {
      assertEquals(send(id, "x").ends(), 0, "b is no longer open");
    }
    worker.respondToOpen();
    worker.respondToOpen();
  }

  @Test
  public void headerEndsNothingWithoutContinuousBatching() {
    FakeWorker worker = serve(1, sequences(1, 9)).get(0);
    send("a", "a1");
    RecordingSink waits = send("a", "a2");
    worker.respond(worker.lastBatch().id(), 0, "ok", new Header("ts_request_sequence_end", "a"));
    worker.respondToOpen();
    assertTrue(waits.body().isPresent());
  }

  /** Of the two requests that find one worker, one runs; the other is of no worker yet. */
  @Test
  public void sequenceThatHasNotBegunGoesToWhicheverWorkerIsFreeFirst() {
    List<FakeWorker> workers = serve(2, sequences(4, 10).batch(2, Duration.ofMillis(10)));
    send("x", "busy");
    fixture.advance(Duration.ofMillis(10));
    FakeWorker busy = holder(workers, "busy");
    FakeWorker other = workers.get(1 - workers.indexOf(busy));
    send("a", RequestKind.PREDICT, "predict");
    send("b", RequestKind.EXPLAIN, "explain");
    fixture.advance(Duration.ofMillis(10));
    assertEquals(other.lastBatch().bodies(), List.of("predict"));
    busy.lastBatch().respondToAll("ok");
    assertEquals(busy.lastBatch().bodies(), List.of("explain"));
  }

  @Test
  public void sequenceThatHasNotBegunSurvivesItsWorkerAndIsNotOpenWithoutItsRequest() {
    Configs config = sequences(2, 10).batch(2, Duration.ofMillis(10));
    List<FakeWorker> workers = serve(1, config);
    RecordingSink waits = send("a", "waits for companions");
    workers.get(0).die();
    assertEquals(waits.ends(), 0, "no worker knows anything of it");
    FakeWorker next = fixture.starter().latest();
    next.load();
    fixture.advance(Duration.ofMillis(10));
    next.respondToOpen();
    assertEquals(waits.body(), Optional.of("ok"));
    submit("b", RequestKind.PREDICT, "leaves", new RecordingSink()).cancel();
    assertEquals(send("c", "x").ends(), 0, "b is not open");
    fixture.advance(Duration.ofMillis(10));
    next.respondToOpen();
  }

  @DataProvider
  public Object[][] modes() {
    return new Object[][] {
      {sequences(12, 4).batch(3, Duration.ofMillis(5))},
      {sequences(12, 4).batch(3, Duration.ofMillis(5)).continuousBatching()},
    };
  }

  /** Random life of many sequences on dying workers: order, stickiness, and exactly one end. */
  @Test(dataProvider = "modes")
  public void whateverHappensOrderHoldsAndEveryRequestEndsOnce(Configs mode) {
    Random random = new Random(5);
    serve(3, mode);
    List<RecordingSink> sinks = new ArrayList<>();
    List<String> sequences = new ArrayList<>();
    for (int step = 0; step < 3000; step++) {
      sequences.add("s" + random.nextInt(15));
      sinks.add(send(sequences.get(step), Integer.toString(step)));
      fixture.advance(Duration.ofMillis(random.nextInt(3)));
      List<FakeWorker> alive = fixture.starter().alive();
      FakeWorker worker = alive.get(random.nextInt(alive.size()));
      if (random.nextInt(100) == 0) {
        worker.die();
        fixture.advance(Duration.ofSeconds(20));
        fixture.starter().latest().load();
      } else if (random.nextBoolean()) {
        worker.respondToOpen();
      } else if (!worker.batches().isEmpty() && random.nextInt(10) == 0) {
        Header end = new Header("ts_request_sequence_end", "s" + random.nextInt(15));
        worker.chunk(worker.lastBatch().id(), 0, "ends one", end);
      }
    }
    for (int i = 0; i < 200; i++) {
      fixture.advance(Duration.ofMillis(5));
      fixture.starter().alive().forEach(FakeWorker::respondToOpen);
    }
    assertTrue(sinks.stream().allMatch(sink -> sink.ends() == 1));
    assertTrue(sinks.stream().filter(sink -> sink.body().isPresent()).count() > 1000);
    assertOrder(sequences);
  }

  /** On each worker the requests of a sequence came in order, none of them twice. */
  private void assertOrder(List<String> sequences) {
    Set<String> ran = new HashSet<>();
    for (FakeWorker worker : fixture.starter().workers()) {
      Map<String, Integer> last = new HashMap<>();
      for (SentBatch batch : worker.batches()) {
        assertTrue(batch.size() <= 3);
        for (String body : batch.bodies()) {
          assertTrue(ran.add(body), "request " + body + " ran twice");
          int step = Integer.parseInt(body);
          Integer before = last.put(sequences.get(step), step);
          assertTrue(before == null || before < step, before + " before " + step);
        }
      }
    }
  }

  private List<FakeWorker> serve(int workers, Configs config) {
    ModelConfig built = config.build();
    return fixture.serve(workers, built);
  }

  private RecordingSink send(String sequence, String body) {
    return send(sequence, RequestKind.PREDICT, body);
  }

  private RecordingSink send(String sequence, RequestKind kind, String body) {
    RecordingSink sink = new RecordingSink();
    InferenceCall unused = submit(sequence, kind, body, sink);
    return sink;
  }

  private InferenceCall submit(String sequence, RequestKind kind, String body, RecordingSink sink) {
    return fixture
        .core()
        .inference()
        .submit(
            fixture
                .requests()
                .request(
                    "m",
                    Optional.empty(),
                    kind,
                    List.of(new Header("TS_Request_Sequence_ID", sequence)),
                    body,
                    Optional.empty()),
            sink);
  }

  private static FakeWorker holder(List<FakeWorker> workers, String body) {
    return workers.stream()
        .filter(
            worker -> worker.batches().stream().anyMatch(batch -> batch.bodies().contains(body)))
        .findFirst()
        .orElseThrow();
  }

  private static List<List<String>> bodies(FakeWorker worker) {
    return worker.batches().stream().map(SentBatch::bodies).toList();
  }

  private static String message(RecordingSink sink) {
    assertFalse(sink.error().isEmpty(), "has not failed");
    return sink.error().orElseThrow().getMessage();
  }
}
