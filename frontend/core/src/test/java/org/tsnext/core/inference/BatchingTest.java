package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** How requests are put together, and when batches leave. */
public class BatchingTest {

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

  @Test
  public void batchOfOneNeverWaits() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(1, DELAY).build()).get(0);
    fixture.predict("a");
    assertEquals(worker.lastBatch().bodies(), List.of("a"));
  }

  @Test
  public void fullBatchLeavesAtOnce() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(3, DELAY).build()).get(0);
    predict("a", "b");
    assertEquals(worker.batches().size(), 0);
    predict("c");
    assertEquals(worker.lastBatch().bodies(), List.of("a", "b", "c"));
  }

  @Test
  public void oldestRequestWaitsAtMostTheDelayFromItsArrival() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(8, DELAY).build()).get(0);
    predict("a");
    fixture.advance(Duration.ofMillis(60));
    predict("b");
    fixture.advance(Duration.ofMillis(39));
    assertEquals(worker.batches().size(), 0);
    fixture.advance(Duration.ofMillis(1));
    assertEquals(worker.lastBatch().bodies(), List.of("a", "b"));
  }

  @Test
  public void timeBehindARunningBatchCounts() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(2, DELAY).build()).get(0);
    predict("a", "b");
    predict("c");
    fixture.advance(Duration.ofMillis(150));
    assertEquals(worker.batches().size(), 1);
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("c"), "has waited long enough");
  }

  @Test
  public void nextBatchFormsWhileTheLastOneRuns() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(3, DELAY).build()).get(0);
    predict("a", "b", "c");
    fixture.advance(Duration.ofMillis(5));
    predict("d", "e", "f", "g");
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("d", "e", "f"));
  }

  @Test
  public void zeroDelayTakesWhatThereIs() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(8, Duration.ZERO).build()).get(0);
    predict("a");
    assertEquals(worker.lastBatch().bodies(), List.of("a"));
    fixture.advance(Duration.ofMillis(5));
    predict("b", "c", "d");
    worker.lastBatch().respondToAll("ok");
    assertEquals(worker.lastBatch().bodies(), List.of("b", "c", "d"));
  }

  @Test
  public void kindsAreNotMixedAndDescriptionsGoAlone() {
    List<FakeWorker> workers = fixture.serve(4, new Configs().batch(3, DELAY).build());
    fixture.send(RequestKind.PREDICT, "p1");
    fixture.send(RequestKind.EXPLAIN, "e1");
    fixture.send(RequestKind.DESCRIBE, "d1");
    fixture.send(RequestKind.DESCRIBE, "d2");
    fixture.send(RequestKind.EXPLAIN, "e2");
    fixture.send(RequestKind.PREDICT, "p2");
    fixture.advance(DELAY);
    assertEquals(
        sent(workers),
        List.of(List.of("d1"), List.of("d2"), List.of("e1", "e2"), List.of("p1", "p2")));
  }

  @Test
  public void severalWorkersTakeBatchesAtOnce() {
    List<FakeWorker> workers = fixture.serve(2, new Configs().batch(2, DELAY).build());
    predict("a", "b", "c", "d");
    assertEquals(sent(workers), List.of(List.of("a", "b"), List.of("c", "d")));
  }

  @Test
  public void fullQueueDoesNotWaitForABatchItCannotFill() {
    FakeWorker worker =
        fixture.serve(1, new Configs().batch(8, DELAY).jobQueueSize(3).build()).get(0);
    predict("a", "b");
    assertEquals(worker.batches().size(), 0);
    predict("c");
    assertEquals(worker.lastBatch().bodies(), List.of("a", "b", "c"));
  }

  @Test
  public void clientsThatLeftAreNotInTheBatch() {
    FakeWorker worker = fixture.serve(1, new Configs().batch(3, DELAY).build()).get(0);
    RecordingSink gone = new RecordingSink();
    InferenceService.InferenceCall call = fixture.submit("gone", java.util.Optional.empty(), gone);
    predict("a");
    call.cancel();
    predict("b", "c");
    assertEquals(worker.lastBatch().bodies(), List.of("a", "b", "c"));
    assertEquals(gone.ends(), 0);
  }

  private void predict(String... bodies) {
    for (String body : bodies) {
      assertTrue(fixture.predict(body).error().isEmpty());
    }
  }

  private static List<List<String>> sent(List<FakeWorker> workers) {
    return workers.stream()
        .flatMap(worker -> worker.batches().stream())
        .map(FakeWorker.SentBatch::bodies)
        .sorted(java.util.Comparator.comparing(bodies -> bodies.get(0)))
        .toList();
  }
}
