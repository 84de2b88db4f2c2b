package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.model.Diagnosis.State;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.Failures;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** One version of a model takes the place of another, while requests come. */
public class VersionSwapTest {

  private static final Duration NO_LIMIT = Duration.ofDays(1);

  private CoreFixture fixture;
  private ModelService models;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
    models = fixture.core().models();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  @Test
  public void whatWaitsForTheOldDefaultVersionGoesToTheNewOne() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink running = fixture.predict("running");
    RecordingSink first = fixture.predict("first");
    RecordingSink second = fixture.predict("second");
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    assertEquals(next.lastBatch().bodies(), List.of("first"));
    next.lastBatch().respondToAll("new 1");
    next.lastBatch().respondToAll("new 2");
    assertFalse(gone.isDone());
    old.lastBatch().respondToAll("old");
    gone.join();
    assertEquals(running.body(), Optional.of("old"));
    assertEquals(first.body(), Optional.of("new 1"));
    assertEquals(second.body(), Optional.of("new 2"));
    assertEquals(List.of(running.ends(), first.ends(), second.ends()), List.of(1, 1, 1));
  }

  @Test
  public void whatWaitsForAVersionByNameFailsWhenItLeaves() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink running = predict(Optional.of("1.0"), Optional.empty());
    RecordingSink waiting = predict(Optional.of("1.0"), Optional.empty());
    serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.MODEL_GOING_AWAY));
    assertEquals(
        waiting.error().orElseThrow().getMessage(),
        "Model \"m\" version \"1.0\" is being unregistered.");
    assertEquals(
        predict(Optional.of("1.0"), Optional.empty()).errorKind(),
        Optional.of(ErrorKind.MODEL_GOING_AWAY));
    old.lastBatch().respondToAll("old");
    gone.join();
    assertEquals(running.body(), Optional.of("old"));
  }

  @Test
  public void scalingTheOldVersionToZeroHandsItsQueueOver() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    models.scale("m", Optional.of("1.0"), new ScaleModel(0, 0, false, Optional.empty())).join();
    next.lastBatch().respondToAll("new");
    old.lastBatch().respondToAll("old");
    assertEquals(running.body(), Optional.of("old"));
    assertEquals(waiting.body(), Optional.of("new"));
  }

  @Test
  public void handedOverRequestFindsItsPlaceInAFullQueue() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    FakeWorker next = serve("2.0", new Configs().jobQueueSize(1).build());
    models.setDefault("m", "2.0");
    fixture.predict("runs on 2.0");
    fixture.predict("fills the queue");
    assertEquals(fixture.predict("refused").errorKind(), Optional.of(ErrorKind.QUEUE_FULL));
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    assertEquals(models.describe("m", Optional.of("2.0")).condition().queueLength(), 2);
    next.onSend(batch -> batch.respondToAll("new"));
    next.respondToOpen();
    assertEquals(waiting.body(), Optional.of("new"));
    old.lastBatch().respondToAll("old");
    gone.join();
  }

  @Test
  public void clientThatLeavesAfterTheHandOverFreesItsPlace() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    fixture.predict("running");
    RecordingSink waiting = new RecordingSink();
    InferenceCall call = fixture.submit("waiting", Optional.empty(), waiting);
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    fixture.predict("runs on 2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    assertEquals(models.describe("m", Optional.of("2.0")).condition().queueLength(), 1);
    call.cancel();
    call.cancel();
    assertEquals(models.describe("m", Optional.of("2.0")).condition().queueLength(), 0);
    assertEquals(waiting.ends(), 0);
    next.lastBatch().respondToAll("ok");
    old.lastBatch().respondToAll("old");
    gone.join();
  }

  @Test
  public void handOverDoesNotProlongTheTimeOfARequest() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    fixture.predict("running");
    RecordingSink waiting = predict(Optional.empty(), Optional.of(Duration.ofSeconds(10)));
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    fixture.predict("runs on 2.0");
    fixture.advance(Duration.ofSeconds(6));
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    fixture.advance(Duration.ofSeconds(5));
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
    next.lastBatch().respondToAll("ok");
    old.lastBatch().respondToAll("old");
    gone.join();
  }

  @Test
  public void requestWhoseWorkerDiesWhileItsVersionLeavesRunsOnTheNewVersion() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink running = fixture.predict("running");
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    old.die();
    gone.join();
    next.lastBatch().respondToAll("new");
    assertEquals(running.body(), Optional.of("new"));
  }

  @Test
  public void requestThatKillsWorkersOfTwoVersionsIsNotTriedAThirdTime() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink deadly = fixture.predict("deadly");
    FakeWorker next = serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    old.die();
    gone.join();
    next.die();
    assertEquals(deadly.errorKind(), Optional.of(ErrorKind.WORKER_LOST));
    assertEquals(deadly.ends(), 1);
  }

  @Test
  public void streamEndsOnTheVersionItBeganOn() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink stream = fixture.predict("stream");
    old.chunk(old.lastBatch().id(), 0, "a");
    serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    old.chunk(old.lastBatch().id(), 0, "b");
    assertFalse(gone.isDone());
    old.respond(old.lastBatch().id(), 0, "c");
    gone.join();
    assertEquals(stream.chunks(), List.of("a", "b", "c"));
  }

  @Test
  public void leavingVersionCannotBeScaledOrMadeTheDefaultOne() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    fixture.predict("running");
    serve("2.0", ModelConfig.none());
    models.setDefault("m", "2.0");
    CompletableFuture<Void> gone = models.unregister("m", Optional.of("1.0"));
    String reason = "Model version 1.0 of model m is being unregistered.";
    assertEquals(
        fixture.core().registered().stream().map(RegisteredModel::version).toList(),
        List.of("2.0"),
        "what a snapshot would keep");
    Failures.expect(
        models.scale("m", Optional.of("1.0"), new ScaleModel(2, 2, true, Optional.empty())),
        ErrorKind.CONFLICT,
        reason);
    ServingException refused =
        expectThrows(ServingException.class, () -> models.setDefault("m", "1.0"));
    assertEquals(refused.kind(), ErrorKind.CONFLICT);
    assertEquals(refused.getMessage(), reason);
    old.lastBatch().respondToAll("old");
    gone.join();
    assertEquals(models.describeAll("m").size(), 1);
  }

  @Test
  public void versionRegisteredWhileTheOnlyOneLeavesIsTheDefaultAtOnce() {
    FakeWorker old = serve("1.0", ModelConfig.none());
    RecordingSink running = fixture.predict("running");
    CompletableFuture<Void> gone = models.unregister("m", Optional.empty());
    FakeWorker next = serve("2.0", ModelConfig.none());
    RecordingSink served = fixture.predict("new");
    next.lastBatch().respondToAll("new");
    assertEquals(served.body(), Optional.of("new"));
    old.lastBatch().respondToAll("old");
    gone.join();
    assertEquals(running.body(), Optional.of("old"));
    assertEquals(models.describe("m", Optional.empty()).modelVersion(), "2.0");
  }

  @Test
  public void givenUpDefaultVersionIsTheDefaultOneAgainWhenItIsRegisteredAgain() {
    FakeWorker old = serve("1.0", new Configs().maxRetryTimeout(Duration.ZERO).build());
    FakeWorker next = serve("2.0", ModelConfig.none());
    old.die();
    assertEquals(
        models.describe("m", Optional.empty()).condition().diagnosis().state(), State.FAILED);
    serve("1.0", ModelConfig.none());
    assertEquals(models.describe("m", Optional.empty()).modelVersion(), "1.0");
    assertEquals(models.describeAll("m").size(), 2);
    assertEquals(next.batches(), List.of());
  }

  @Test
  public void pingIsUntouchedByRegistrationScalingAndLeaving() {
    List<Boolean> healthy = new ArrayList<>();
    fixture.starter().onStart(worker -> healthy.add(models.health().healthy()));
    FakeWorker worker = serve("1.0", ModelConfig.none());
    models.scale("m", Optional.empty(), new ScaleModel(3, 3, false, Optional.empty())).join();
    fixture.predict("running");
    CompletableFuture<Void> gone = models.unregister("m", Optional.empty());
    healthy.add(models.health().healthy());
    worker.respondToOpen();
    gone.join();
    assertEquals(healthy, List.of(true, true, true, true));
  }

  @Test
  public void failedRegistrationGivesNameAndDefaultBack() {
    fixture.source().add("broken.mar", "m", "1.0", new Configs().maxRetryTimeout(NO_LIMIT).build());
    CompletableFuture<ScaleResult> broken =
        models.register(CoreFixture.registration("broken.mar", OptionalInt.of(1), true, false));
    RecordingSink early = fixture.predict("waits for the first version");
    FakeWorker loading = fixture.starter().latest();
    FakeWorker next = serve("2.0", ModelConfig.none());
    loading.failLoad(500, "ImportError: no x");
    assertTrue(broken.isCompletedExceptionally());
    next.lastBatch().respondToAll("served");
    assertEquals(early.body(), Optional.of("served"));
    assertTrue(models.health().healthy());
    assertEquals(models.describe("m", Optional.empty()).modelVersion(), "2.0");
    assertEquals(models.describeAll("m").size(), 1);
    assertEquals(fixture.source().openCount(), 1);
    serve("1.0", ModelConfig.none());
  }

  private FakeWorker serve(String version, ModelConfig config) {
    String url = "v" + version + ".mar";
    fixture.source().add(url, "m", version, config);
    CompletableFuture<ScaleResult> registered =
        models.register(CoreFixture.registration(url, OptionalInt.of(1), true, false));
    FakeWorker worker = fixture.starter().latest();
    worker.load();
    registered.join();
    return worker;
  }

  private RecordingSink predict(Optional<String> version, Optional<Duration> timeout) {
    RecordingSink sink = new RecordingSink();
    fixture
        .core()
        .inference()
        .submit(fixture.requests().request("m", version, RequestKind.PREDICT, "x", timeout), sink);
    return sink;
  }
}
