package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** The next batch of one of several workers leaves before the last is done, and comes back. */
public class SentAheadTest {

  private CoreFixture fixture;
  private List<FakeWorker> workers;

  /** Runs "a", and has "c" ahead once that was sent. */
  private FakeWorker first;

  /** Runs "b". */
  private FakeWorker second;

  private RecordingSink sinkOfA;
  private RecordingSink sinkOfC;

  @BeforeMethod
  public void twoWorkersRunAndOneRequestWaits() {
    fixture = new CoreFixture();
    workers = fixture.serve(2, ModelConfig.none());
    workers.forEach(worker -> worker.givesBack(true));
    for (int i = 0; i < 40; i++) {
      fixture.predict("x");
      fixture.advance(Duration.ofMillis(5));
      workers.forEach(FakeWorker::respondToOpen);
    }
    sinkOfA = fixture.predict("a");
    fixture.advance(Duration.ofMillis(1));
    fixture.predict("b");
    sinkOfC = fixture.predict("c");
    first = holder("a");
    second = holder("b");
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  @Test
  public void theWorkerThatWillBeDoneFirstHasTheNextOneJustBefore() {
    fixture.advance(Duration.ofMillis(3));
    assertEquals(bodies(), List.of("a", "b"), "1 ms too early");
    fixture.advance(micros(900));
    assertEquals(first.lastBatch().bodies(), List.of("c"));
    fixture.predict("d");
    assertEquals(bodies(), List.of("c", "b"), "one ahead, not two");
    respond(first, first.lastBatch().id() - 1);
    assertEquals(first.withdrawn(), List.of());
    fixture.advance(micros(800));
    assertEquals(second.lastBatch().bodies(), List.of("d"));
  }

  @Test
  public void whatIsAheadOfALateOneGoesToTheWorkerWithNothingToDoOnceItIsGivenBack() {
    sendAhead();
    respond(second, second.lastBatch().id());
    fixture.advance(Duration.ofMillis(2));
    int ahead = first.lastBatch().id();
    assertEquals(first.withdrawn(), List.of(ahead));
    fixture.advance(Duration.ofSeconds(1));
    assertEquals(second.lastBatch().bodies(), List.of("b"), "before it is known not to run");
    first.withdrawal(ahead, true);
    assertEquals(second.lastBatch().bodies(), List.of("c"));
    first.withdrawal(ahead, true);
    respond(second, second.lastBatch().id());
    assertEquals(sinkOfC.body(), Optional.of("ok"));
    respond(first, ahead - 1);
    assertEquals(sinkOfA.body(), Optional.of("ok"));
  }

  @Test
  public void whatIsAheadComesBackAtOnceIfAnotherWorkerFallsIdleFirst() {
    letTimesDiffer();
    fixture.predict("a");
    fixture.advance(Duration.ofMillis(1));
    fixture.predict("b");
    fixture.predict("c");
    first = holder("a");
    second = holder("b");
    fixture.advance(micros(3300));
    assertEquals(first.lastBatch().bodies(), List.of("c"), "by the mean deviation earlier");
    respond(second, second.lastBatch().id());
    assertEquals(first.withdrawn(), List.of(first.lastBatch().id()));
  }

  @Test
  public void whatHasBegunStays() {
    sendAhead();
    respond(second, second.lastBatch().id());
    fixture.advance(Duration.ofMillis(2));
    int ahead = first.lastBatch().id();
    first.withdrawal(ahead, false);
    first.withdrawal(ahead, true);
    assertEquals(second.lastBatch().bodies(), List.of("b"));
    respond(first, ahead - 1);
    respond(first, ahead);
    assertEquals(sinkOfC.body(), Optional.of("ok"));
  }

  @Test
  public void whatIsAheadOfALateOneComesBackInFrontWhileOthersAreBusy() {
    sendAhead();
    respond(second, second.lastBatch().id());
    fixture.predict("d");
    fixture.predict("e");
    fixture.advance(Duration.ofMillis(2));
    int ahead = first.lastBatch().id();
    assertEquals(first.withdrawn(), List.of(ahead));
    first.withdrawal(ahead, true);
    respond(second, second.lastBatch().id());
    assertEquals(second.lastBatch().bodies(), List.of("c"), "it came before e");
  }

  @Test
  public void aWorkerThatDiesWhileItIsAskedLosesNothing() {
    sendAhead();
    respond(second, second.lastBatch().id());
    fixture.advance(Duration.ofMillis(2));
    assertFalse(first.withdrawn().isEmpty());
    first.die();
    int last = second.lastBatch().id();
    assertEquals(second.lastBatch().bodies(), List.of("c"), "ahead, of the only one that is left");
    respond(second, last - 1);
    respond(second, last);
    assertEquals(sinkOfA.body(), Optional.of("ok"));
    assertEquals(sinkOfC.body(), Optional.of("ok"));
  }

  @Test
  public void aRequestThatIsGivenBackAndWhoseNextWorkerDiesWasTriedOnce() {
    sendAhead();
    respond(second, second.lastBatch().id());
    fixture.advance(Duration.ofMillis(2));
    first.withdrawal(first.lastBatch().id(), true);
    second.die();
    respond(first, first.lastBatch().id() - 1);
    assertEquals(first.lastBatch().bodies(), List.of("c"));
    respond(first, first.lastBatch().id());
    assertEquals(sinkOfC.body(), Optional.of("ok"));
  }

  @Test(dataProvider = "otherModels")
  public void onlyWorkersWithOneQueueAndOneBatchAtATimeAreToGiveBatchesBack(ModelConfig other) {
    assertTrue(first.spec().model().withdrawable());
    CoreFixture another = new CoreFixture();
    assertFalse(another.serve(1, other).get(0).spec().model().withdrawable());
    another.closeAndCheck();
  }

  @DataProvider
  static Object[][] otherModels() {
    return new Object[][] {
      {new Configs().concurrency(4).build()},
      {new Configs().continuousBatching().build()},
      {new Configs().sequences(Duration.ofMinutes(1), 2, 2).build()},
      {new Configs().parallel(ParallelType.TENSOR, 2).build()},
    };
  }

  /** Batches take 5 ms, and by half a millisecond more or less. */
  private void letTimesDiffer() {
    workers.forEach(FakeWorker::respondToOpen);
    workers.forEach(FakeWorker::respondToOpen);
    for (int i = 0; i < 80; i++) {
      fixture.predict("x");
      fixture.predict("y");
      fixture.advance(micros(i % 2 == 0 ? 4500 : 5500));
      workers.forEach(FakeWorker::respondToOpen);
    }
  }

  private void sendAhead() {
    fixture.advance(micros(3900));
    assertEquals(first.lastBatch().bodies(), List.of("c"));
  }

  private static Duration micros(long count) {
    return Duration.of(count, ChronoUnit.MICROS);
  }

  private static void respond(FakeWorker worker, int batchId) {
    worker.respond(batchId, 0, "ok");
  }

  private List<String> bodies() {
    return List.of(first.lastBatch().bodies().get(0), second.lastBatch().bodies().get(0));
  }

  private FakeWorker holder(String body) {
    return workers.stream()
        .filter(worker -> worker.lastBatch().bodies().contains(body))
        .findFirst()
        .orElseThrow();
  }
}
