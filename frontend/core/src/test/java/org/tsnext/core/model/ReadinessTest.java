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
import java.util.concurrent.CompletionException;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.HealthReport.ShortModel;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** Whether requests should be sent here: the start, the models of it, failures, and the drain. */
public class ReadinessTest {

  private static final RegisterModel MISSING =
      CoreFixture.registration("no-such.mar", OptionalInt.empty(), false, true);

  private CoreFixture fixture;
  private ModelService models;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
    models = fixture.core().models();
  }

  @AfterMethod(alwaysRun = true)
  public void nothingIsLeftBehind() {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
  }

  @Test
  public void serverThatStartsIsNotReadyAndItsModelsMayBe() {
    fixture.core().close();
    fixture = new CoreFixture(false);
    models = fixture.core().models();
    assertTrue(models.readiness().reason().startsWith("The server is starting"));
    fixture.serve(1, ModelConfig.none());
    assertFalse(models.readiness().ready());
    assertTrue(models.readiness("m", Optional.empty()).ready());
    fixture.core().readiness().startCompleted();
    assertTrue(models.readiness().ready());
  }

  @Test
  public void modelThatCannotBeLoadedIsNamedWithTheCause() {
    fixture.register(2, new Configs().maxRetryTimeout(Duration.ofMinutes(5)).build()).join();
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    String reason = "0 of 2 workers have the model loaded; ImportError: no x.";
    List<ShortModel> expected = List.of(new ShortModel("m", "1.0", 0, 2, reason));
    assertEquals(models.readiness().notReady(), expected);
    assertEquals(models.readiness("m", Optional.empty()).notReady(), expected);
    assertTrue(models.health().healthy(), "/ping waits for the recovery window");
    fixture.starter().latest().load();
    assertTrue(models.readiness("m", Optional.empty()).ready(), "one worker serves");
    assertFalse(models.readiness().ready(), "and one is missing");
    assertUnknown(() -> models.readiness("other", Optional.empty()), ErrorKind.MODEL_NOT_FOUND);
    assertUnknown(
        () -> models.readiness("m", Optional.of("2.0")), ErrorKind.MODEL_VERSION_NOT_FOUND);
  }

  @Test
  public void modelWithoutWorkersIsNotReadyAndDoesNotKeepTheServerFromBeing() {
    fixture.register(0, ModelConfig.none(), true).join();
    assertTrue(models.readiness().ready());
    assertEquals(
        models.readiness("m", Optional.empty()).notReady(),
        List.of(new ShortModel("m", "1.0", 0, 0, "It is scaled to 0 workers.")));
  }

  @Test
  public void nothingIsReadyFromTheMomentADrainBeginsAndRequestsAreServed() {
    List<FakeWorker> workers = fixture.serve(1, ModelConfig.none());
    assertTrue(fixture.core().readiness().beginDrain(), "clients may have been sent here");
    assertEquals(models.readiness().reason(), "The server is shutting down.");
    assertEquals(models.readiness("m", Optional.empty()).reason(), "The server is shutting down.");
    assertTrue(models.health().healthy());
    RecordingSink late = fixture.predict("late");
    workers.get(0).respondToOpen();
    assertEquals(late.body(), Optional.of("ok"));
    assertFalse(fixture.core().readiness().beginDrain(), "it has begun");
    fixture.core().readiness().startCompleted();
    assertFalse(models.readiness().ready(), "a start that is over late changes nothing");
  }

  @Test
  public void drainOfTheCoreAloneEndsReadinessAsWell() {
    CompletableFuture<Void> drained = fixture.core().drain(Duration.ZERO);
    assertFalse(models.readiness().ready());
    drained.join();
  }

  @Test
  public void archiveThatIsMissingAtTheStartIsAFailedModelUntilAClientRegistersIt() {
    failAtStart(Optional.empty());
    String reason =
        "It could not be loaded at the start of the server: Model not found at: no-such.mar";
    List<ShortModel> expected = List.of(new ShortModel("no_such", "unknown", 0, 2, reason));
    assertEquals(models.readiness().notReady(), expected);
    assertEquals(models.readiness("no_such", Optional.empty()).notReady(), expected);
    assertEquals(models.readiness("no_such", Optional.of("3.0")).notReady(), expected);
    assertTrue(models.health().healthy(), "TorchServe 0.12 skips it");
    assertEquals(models.list(), List.of());
    ModelDescription description = models.describe("no_such", Optional.empty());
    assertEquals(description.condition().diagnosis().state(), Diagnosis.State.FAILED);
    assertEquals(description.condition().diagnosis().reason(), reason);
    assertEquals(description.identity().url(), "no-such.mar");
    assertEquals(models.describeAll("no_such"), List.of(description));
    RecordingSink sink = new RecordingSink();
    fixture.core().inference().submit(fixture.requests().predict("no_such", "x"), sink);
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.MODEL_NOT_FOUND));
    assertEquals(sink.error().orElseThrow().detail(), Optional.of(reason));
    assertTrue(fixture.core().readiness().givenUpAtStart().orElseThrow().contains(reason));

    fixture.source().add("no-such.mar", "no_such", "1.0", ModelConfig.none());
    CompletableFuture<ScaleResult> registered =
        models.register(CoreFixture.registration("no-such.mar", OptionalInt.of(1), true, false));
    fixture.starter().alive().forEach(FakeWorker::load);
    registered.join();
    assertTrue(models.readiness().ready());
    assertTrue(models.readiness("no_such", Optional.empty()).ready());
    assertEquals(
        models.describe("no_such", Optional.empty()).condition().diagnosis().state(),
        Diagnosis.State.READY);
    assertEquals(models.describeAll("no_such").size(), 1);
    assertEquals(fixture.core().readiness().givenUpAtStart(), Optional.empty());
  }

  @Test
  public void registrationThatFailsAgainLeavesItFailed() {
    failAtStart(Optional.empty());
    CompletableFuture<ScaleResult> again =
        models.register(CoreFixture.registration("no-such.mar", OptionalInt.of(1), true, false));
    expectThrows(CompletionException.class, again::join);
    assertFalse(models.readiness().ready());
  }

  @Test
  public void failedModelOfTheStartCanBeUnregistered() {
    failAtStart(Optional.empty());
    models.unregister("no_such", Optional.empty()).join();
    assertTrue(models.readiness().ready());
    assertUnknown(() -> models.describe("no_such", Optional.empty()), ErrorKind.MODEL_NOT_FOUND);
  }

  @Test
  public void versionThatASnapshotNamesIsKnown() {
    failAtStart(Optional.of("2.0"));
    assertEquals(models.describe("no_such", Optional.of("2.0")).modelVersion(), "2.0");
    assertUnknown(() -> models.describe("no_such", Optional.of("1.0")), ErrorKind.MODEL_NOT_FOUND);
    fixture.source().add("v1.mar", "no_such", "1.0", ModelConfig.none());
    models.register(CoreFixture.registration("v1.mar", OptionalInt.of(0), true, false)).join();
    assertFalse(models.readiness().ready(), "the other version is missing yet");
    assertEquals(models.describeAll("no_such").size(), 2);
  }

  @Test
  public void sameModelTwiceIsNoFailure() {
    fixture
        .core()
        .readiness()
        .startFailed(
            MISSING,
            Optional.empty(),
            new ServingException(ErrorKind.CONFLICT, "already registered"));
    assertTrue(models.readiness().ready());
  }

  @Test
  public void modelOfTheStartWhoseWorkersAreGivenUpIsTold() {
    fixture
        .source()
        .add("m.mar", "m", "1.0", new Configs().maxRetryTimeout(Duration.ofSeconds(1)).build());
    models.register(CoreFixture.registration("m.mar", OptionalInt.of(1), false, true)).join();
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    assertEquals(fixture.core().readiness().givenUpAtStart(), Optional.empty());
    fixture.advance(Duration.ofSeconds(2));
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    String told = fixture.core().readiness().givenUpAtStart().orElseThrow();
    assertTrue(told.startsWith("model m version 1.0: "), told);
    assertTrue(told.contains("ImportError: no x"), told);
  }

  private void failAtStart(Optional<String> version) {
    ServingCore core = fixture.core();
    CompletionException failure =
        expectThrows(CompletionException.class, () -> core.models().register(MISSING).join());
    core.readiness().startFailed(MISSING, version, (ServingException) failure.getCause());
  }

  private static void assertUnknown(Runnable question, ErrorKind kind) {
    assertEquals(expectThrows(ServingException.class, question::run).kind(), kind);
  }
}
