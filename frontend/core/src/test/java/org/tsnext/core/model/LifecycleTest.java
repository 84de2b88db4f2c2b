package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.time.Duration;
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
import org.tsnext.core.model.ModelService.ModelEntry;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.Failures;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.worker.WorkerState;

/** Models that are registered, listed, scaled, made the default one, unregistered; and the end. */
public class LifecycleTest {

  private CoreFixture fixture;
  private ModelService models;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
    models = fixture.core().models();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
  }

  @Test
  public void registrationWithoutWorkersSaysSo() {
    ScaleResult result = fixture.register(0, ModelConfig.none(), true).join();
    assertEquals(result, new ScaleResult(Outcome.REGISTERED_WITHOUT_WORKERS, "m", "1.0", 0));
    assertFalse(models.readiness("m", Optional.empty()).ready());
    assertTrue(models.health().healthy());
  }

  @Test
  public void allAreReadyWhileEachHasItsWorkersLoadedUntilTheServerGoes() {
    assertTrue(models.readiness().ready(), "no model waits for a worker");
    fixture.register(2, ModelConfig.none()).join();
    assertTrue(models.health().healthy());
    assertFalse(models.readiness().ready(), "none has loaded");
    fixture.starter().alive().get(0).load();
    assertTrue(models.readiness("m", Optional.of("1.0")).ready());
    assertFalse(models.readiness().ready(), "one of two has loaded");
    fixture.starter().alive().get(1).load();
    assertTrue(models.readiness().ready());
    fixture.starter().alive().get(0).die();
    assertFalse(models.readiness().ready(), "one is being replaced");
    fixture.starter().alive().forEach(FakeWorker::load);
    assertTrue(models.readiness().ready());
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ofSeconds(1));
    assertFalse(models.readiness().ready(), "nothing new is taken");
    fixture.advance(Duration.ofSeconds(20));
    drained.join();
  }

  @Test
  public void everyChangeIsReportedAndWhatItTakesToRepeatIt() {
    register("v1.mar", "1.0");
    register("v2.mar", "2.0");
    assertEquals(fixture.changes(), 2);
    models.setDefault("m", "2.0");
    assertEquals(fixture.changes(), 3);
    models.scale("m", Optional.of("1.0"), new ScaleModel(2, 3, false, Optional.empty())).join();
    assertEquals(fixture.changes(), 4);
    List<RegisteredModel> both = fixture.core().registered();
    assertEquals(both.stream().map(RegisteredModel::version).toList(), List.of("1.0", "2.0"));
    RegisteredModel scaled = both.get(0);
    assertEquals(scaled.registration().source().url(), "v1.mar");
    assertEquals(
        List.of(scaled.settings().workers().min(), scaled.settings().workers().max()),
        List.of(2, 3));
    assertTrue(scaled.scaled());
    assertFalse(scaled.defaultVersion());
    assertFalse(both.get(1).scaled());
    assertTrue(both.get(1).defaultVersion());
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    models.unregister("m", Optional.of("1.0")).join();
    assertEquals(fixture.changes(), 5);
  }

  @Test
  public void refusedChangesAreNoChanges() {
    fixture.serve(1, ModelConfig.none());
    int before = fixture.changes();
    Failures.expect(
        fixture.register(1, ModelConfig.none(), true),
        ErrorKind.CONFLICT,
        "Model version 1.0 is already registered for model m");
    Failures.expect(
        models.scale("m", Optional.empty(), new ScaleModel(2, 1, true, Optional.empty())),
        ErrorKind.BAD_REQUEST,
        "max_worker cannot be less than min_worker.");
    assertEquals(fixture.changes(), before);
  }

  @Test
  public void shutDownIsNoChange() {
    fixture.serve(1, ModelConfig.none());
    int before = fixture.changes();
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ofSeconds(1));
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.advance(Duration.ofSeconds(20));
    drained.join();
    assertEquals(fixture.changes(), before);
    assertEquals(fixture.core().registered(), List.of());
  }

  @Test
  public void secondRegistrationOfAVersionConflictsAndLeavesNothing() {
    fixture.serve(1, ModelConfig.none());
    Failures.expect(
        fixture.register(1, ModelConfig.none(), true),
        ErrorKind.CONFLICT,
        "Model version 1.0 is already registered for model m");
    assertEquals(fixture.source().openCount(), 1);
    assertTrue(models.readiness("m", Optional.empty()).ready());
  }

  @Test
  public void unknownArchiveIsNotFound() {
    Failures.expect(
        models.register(CoreFixture.registration("nope.mar", OptionalInt.of(1), true, false)),
        ErrorKind.MODEL_NOT_FOUND,
        "Model not found at: nope.mar");
  }

  @Test
  public void firstVersionIsTheDefaultUntilAnotherIsChosen() {
    register("v1.mar", "1.0");
    register("v2.mar", "2.0");
    assertEquals(models.describe("m", Optional.empty()).modelVersion(), "1.0");
    assertEquals(models.list(), List.of(new ModelEntry("m", "v1.mar")));
    models.setDefault("m", "2.0");
    assertEquals(
        models.describeAll("m").stream().map(ModelDescription::modelVersion).toList(),
        List.of("2.0", "1.0"));
    assertTrue(models.describe("m", Optional.of("2.0")).identity().defaultVersion());
    assertEquals(
        expectThrows(ServingException.class, () -> models.setDefault("m", "3")).getMessage(),
        "Model version 3 does not exist for model m");
    assertEquals(
        expectThrows(ServingException.class, () -> models.setDefault("x", "3")).getMessage(),
        "Model not found: x");
  }

  @Test
  public void defaultVersionStaysWhileOthersExist() {
    register("v1.mar", "1.0");
    register("v2.mar", "2.0");
    Failures.expect(
        models.unregister("m", Optional.empty()),
        ErrorKind.DEFAULT_VERSION_IN_USE,
        "Cannot remove default version for model m");
    models.unregister("m", Optional.of("2.0")).join();
    models.unregister("m", Optional.empty()).join();
    assertEquals(models.list(), List.of());
    assertEquals(fixture.source().openCount(), 0);
    register("v1.mar", "1.0");
  }

  @Test
  public void leavingModelFinishesWhatItRunsAndRefusesTheRest() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    CompletableFuture<Void> gone = models.unregister("m", Optional.empty());
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.MODEL_GOING_AWAY));
    assertEquals(fixture.predict("late").errorKind(), Optional.of(ErrorKind.MODEL_GOING_AWAY));
    assertFalse(gone.isDone());
    worker.lastBatch().respondToAll("ok");
    gone.join();
    assertEquals(running.body(), Optional.of("ok"));
    assertTrue(worker.wasStopped());
    assertFalse(worker.wasKilled());
    assertEquals(fixture.predict("gone").errorKind(), Optional.of(ErrorKind.MODEL_NOT_FOUND));
  }

  @Test
  public void workerThatDoesNotFinishIsKilledAndItsRequestCompleted() {
    FakeWorker worker =
        fixture.serve(1, new Configs().responseTimeout(Duration.ofMinutes(10)).build()).get(0);
    RecordingSink running = fixture.predict("hangs");
    CompletableFuture<Void> gone = models.unregister("m", Optional.empty());
    fixture.advance(Duration.ofMinutes(2));
    assertTrue(worker.wasKilled());
    assertEquals(running.ends(), 1);
    gone.join();
  }

  @Test
  public void processThatCannotBeKilledIsATimeout() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    worker.diesOnRequest(false);
    CompletableFuture<Void> gone = models.unregister("m", Optional.empty());
    CompletableFuture<Void> again = models.unregister("m", Optional.empty());
    fixture.advance(Duration.ofSeconds(130));
    Failures.expect(gone, ErrorKind.UNREGISTER_TIMEOUT, "Timed out while cleaning resources: m");
    assertTrue(again.isCompletedExceptionally());
    worker.die();
    assertEquals(models.list(), List.of());
  }

  @Test
  public void numbersOutOfRangeAreRefused() {
    fixture.serve(1, ModelConfig.none());
    Failures.expect(
        models.scale("m", Optional.empty(), new ScaleModel(2, 1, false, Optional.empty())),
        ErrorKind.BAD_REQUEST,
        "max_worker cannot be less than min_worker.");
    assertEquals(
        Failures.of(
                models.scale("m", Optional.empty(), new ScaleModel(-1, 1, false, Optional.empty())))
            .kind(),
        ErrorKind.BAD_REQUEST);
  }

  @Test
  public void betweenMinAndMaxNothingChanges() {
    fixture.serve(2, ModelConfig.none());
    ScaleResult result =
        models.scale("m", Optional.empty(), new ScaleModel(1, 3, true, Optional.empty())).join();
    assertEquals(result.outcome(), Outcome.DONE);
    assertEquals(models.describe("m", Optional.empty()).condition().workers().size(), 2);
    assertEquals(models.describe("m", Optional.empty()).settings().workers().max(), 3);
  }

  @Test
  public void scalingIsWhereTheNumberOfWorkersComesFrom() {
    fixture.serve(1, ModelConfig.none());
    ModelDescription before = models.describe("m", Optional.empty());
    assertEquals(before.settings().sources().get("minWorkers"), "request");
    models.scale("m", Optional.empty(), new ScaleModel(1, 3, true, Optional.empty())).join();
    ModelDescription after = models.describe("m", Optional.empty());
    assertEquals(after.settings().sources().get("minWorkers"), "scale request");
    assertEquals(after.settings().sources().get("batchSize"), "default");
  }

  @Test
  public void descriptionTellsWhatHolds() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("a");
    fixture.predict("b");
    ModelDescription described = models.describe("m", Optional.of("1.0"));
    assertEquals(described.identity().url(), "m.mar");
    assertEquals(described.settings().queueLimits().capacity(), 100);
    assertEquals(described.condition().queueLength(), 1);
    ModelDescription.Worker one = described.condition().workers().get(0);
    assertEquals(one.id(), "9000");
    assertEquals(one.status(), "READY");
    assertEquals(one.state(), WorkerState.READY);
    assertEquals(one.process().processes().pid().getAsLong(), 1000);
    assertEquals(one.load().inFlight(), 1);
    assertEquals(running.ends(), 0);
    worker.respondToOpen();
  }

  @Test
  public void healthLooksAtDefaultVersionsOnly() {
    register("v1.mar", "1.0");
    fixture
        .source()
        .add("v2.mar", "m", "2.0", new Configs().maxRetryTimeout(Duration.ZERO).build());
    models.register(CoreFixture.registration("v2.mar", OptionalInt.of(1), false, false)).join();
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    assertTrue(models.health().healthy());
    models.setDefault("m", "2.0");
    assertEquals(models.health().shortModels().get(0).version(), "2.0");
  }

  @Test
  public void drainLetsEverythingFinishFirst() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ofSeconds(30));
    assertEquals(fixture.predict("late").errorKind(), Optional.of(ErrorKind.SHUTTING_DOWN));
    Failures.expect(
        fixture.register(1, ModelConfig.none(), true),
        ErrorKind.SHUTTING_DOWN,
        "The server is shutting down.");
    worker.lastBatch().respondToAll("1");
    worker.lastBatch().respondToAll("2");
    fixture.advance(Duration.ofSeconds(1));
    drained.join();
    assertEquals(running.body(), Optional.of("1"));
    assertEquals(waiting.body(), Optional.of("2"));
    assertTrue(worker.hasExited());
  }

  @Test
  public void drainGivesIdleWorkersASecondToCleanUp() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    worker.diesOnRequest(false);
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ofSeconds(30));
    assertTrue(worker.wasStopped());
    assertFalse(worker.wasKilled());
    worker.diesOnRequest(true);
    fixture.advance(Duration.ofSeconds(1));
    assertTrue(worker.wasKilled());
    drained.join();
  }

  @Test
  public void drainFailsTheRestOnceAtItsLimit() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ofSeconds(30));
    assertEquals(fixture.core().drain(Duration.ZERO), drained);
    fixture.advance(Duration.ofSeconds(29));
    assertFalse(worker.hasExited());
    fixture.advance(Duration.ofSeconds(1));
    drained.join();
    assertEquals(running.errorKind(), Optional.of(ErrorKind.SHUTTING_DOWN));
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.SHUTTING_DOWN));
    assertEquals(List.of(running.ends(), waiting.ends()), List.of(1, 1));
    assertTrue(worker.hasExited());
  }

  private void register(String url, String version) {
    fixture.source().add(url, "m", version, ModelConfig.none());
    ScaleResult unused =
        models.register(CoreFixture.registration(url, OptionalInt.of(0), true, false)).join();
  }
}
