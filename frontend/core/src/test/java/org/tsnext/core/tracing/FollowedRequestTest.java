package org.tsnext.core.tracing;

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
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** What the core notes of requests that are followed, and what their clients are told of it. */
public class FollowedRequestTest {

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
  public void attemptGoesFromTheQueueToTheResponse() {
    fixture.register(1, ModelConfig.none()).join();
    RequestTimeline timeline = ask();
    fixture.advance(Duration.ofMillis(250));
    FakeWorker worker = fixture.starter().latest();
    worker.load();
    fixture.advance(Duration.ofMillis(100));
    assertEquals(told(timeline), "queue;dur=250.000, batch;dur=0.000");
    worker.handled(0, 0, 1_000_000_000L, 1_080_000_000L);
    worker.respondToOpen();
    WorkerAttempt attempt = timeline.attempts().get(0);
    assertEquals(timeline.attempts().size(), 1);
    assertEquals(attempt.batch().worker().modelName(), "m");
    assertEquals(attempt.batch().worker().workerId(), 9000);
    assertEquals(attempt.batch().facts().size(), 1);
    assertFalse(attempt.end().orElseThrow().lost());
    assertEquals(
        told(timeline),
        "queue;dur=250.000, batch;dur=0.000, handler;dur=80.000, transport;dur=20.000,"
            + " total;dur=350.000");
  }

  @Test
  public void waitForOthersOfABatchIsNoTimeInTheQueue() {
    ModelConfig config = new Configs().batch(2, Duration.ofMillis(100)).build();
    FakeWorker worker = fixture.serve(1, config).get(0);
    fixture.advance(Duration.ofSeconds(1));
    RequestTimeline first = ask();
    fixture.advance(Duration.ofMillis(40));
    RequestTimeline second = ask();
    worker.handled(0, -1, 0, 10_000_000L);
    fixture.advance(Duration.ofMillis(15));
    worker.respondToOpen();
    assertEquals(
        told(first),
        "queue;dur=0.000, batch;dur=40.000, handler;dur=10.000, transport;dur=5.000,"
            + " total;dur=55.000");
    assertEquals(
        told(second),
        "queue;dur=0.000, batch;dur=0.000, handler;dur=10.000, transport;dur=5.000,"
            + " total;dur=15.000");
    FollowedBatch batch = first.attempts().get(0).batch();
    assertEquals(batch.attempts(), List.of(first.attempts().get(0), second.attempts().get(0)));
    assertFalse(batch.ended());
    assertTrue(batch.ended());
  }

  @Test
  public void requestWhoseWorkerIsLostHasTwoAttempts() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    RequestTimeline timeline = ask();
    fixture.advance(Duration.ofMillis(30));
    FakeWorker first = workers.get(0).batches().isEmpty() ? workers.get(1) : workers.get(0);
    first.die();
    fixture.advance(Duration.ofMillis(10));
    FakeWorker second = first == workers.get(0) ? workers.get(1) : workers.get(0);
    second.handled(0, 0, 0, 7_000_000L);
    second.respondToOpen();
    assertEquals(timeline.attempts().size(), 2);
    assertTrue(timeline.attempts().get(0).end().orElseThrow().lost());
    assertFalse(timeline.attempts().get(1).end().orElseThrow().lost());
    assertEquals(
        told(timeline),
        "queue;dur=0.000, batch;dur=0.000, handler;dur=7.000, lost;dur=30.000,"
            + " transport;dur=3.000, total;dur=40.000");
  }

  @Test
  public void workerThatGivesARequestBackHasNoAttempt() {
    FakeWorker first = fixture.serve(1, ModelConfig.none()).get(0);
    first.givesBack(true);
    for (int i = 0; i < 20; i++) {
      fixture.predict("x");
      fixture.advance(Duration.ofMillis(5));
      first.respondToOpen();
    }
    fixture.predict("late");
    RequestTimeline timeline = ask();
    int ahead = first.lastBatch().id();
    ScaleModel two = new ScaleModel(2, 2, false, Optional.empty());
    var unused = fixture.core().models().scale("m", Optional.empty(), two);
    FakeWorker second = fixture.starter().latest();
    fixture.advance(Duration.ofMillis(30));
    second.load();
    assertEquals(first.withdrawn(), List.of(ahead));
    first.withdrawal(ahead, true);
    assertEquals(timeline.attempts().get(0).batch().worker().workerId(), 9001);
    assertEquals(timeline.attempts().size(), 1);
    assertEquals(told(timeline), "queue;dur=30.000, batch;dur=0.000");
    second.respondToOpen();
    first.respondToOpen();
  }

  @Test
  public void requestThatNoWorkerGetsHasNoAttempt() {
    fixture.register(0, ModelConfig.none()).join();
    RequestTimeline timeline = ask();
    assertEquals(timeline.attempts(), List.of());
    assertEquals(
        told(timeline), "queue;dur=0.000, batch;dur=0.000, transport;dur=0.000, total;dur=0.000");
  }

  private String told(RequestTimeline timeline) {
    return ServerTiming.of(timeline, fixture.time().nanoTime());
  }

  private RequestTimeline ask() {
    InferenceRequest made =
        fixture
            .requests()
            .request("m", Optional.empty(), RequestKind.PREDICT, "x", Optional.empty());
    RequestTimeline timeline =
        new RequestTimeline(fixture.time().nanoTime(), Optional.<RequestTrace>empty());
    InferenceRequest request =
        new InferenceRequest(
            made.id(),
            made.target(),
            made.kind(),
            new InferenceRequest.Origin(Protocol.HTTP, false, Optional.of(timeline)),
            made.headers(),
            made.parts(),
            made.timeout());
    fixture.core().inference().submit(request, new RecordingSink());
    return timeline;
  }
}
