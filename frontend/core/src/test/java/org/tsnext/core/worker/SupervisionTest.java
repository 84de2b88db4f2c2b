package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotSame;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.model.HealthReport.ShortModel;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.Failures;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorkerStarter;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.worker.WorkerListener.ExitStatus;

/** Workers that die, hang, do not load, come, go and are looked after. */
public class SupervisionTest {

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
  }

  @Test
  public void idleWorkerThatDiesIsReplacedAtOnceUnderItsOldId() {
    FakeWorker first = fixture.serve(1, ModelConfig.none()).get(0);
    respond(first, fixture.predict("proves that it works"));
    first.die();
    FakeWorker second = fixture.starter().latest();
    assertNotSame(second, first);
    assertEquals(second.spec().workerId(), 9000);
    second.load();
    RecordingSink sink = fixture.predict("x");
    respond(second, sink);
    assertEquals(sink.body(), Optional.of("ok"));
    assertEquals(worker(0).history().restarts(), 1);
  }

  @Test
  public void failingLoadBacksOffInsideTheWindowAndIsThenGivenUp() {
    start(1, new Configs().maxRetryTimeout(Duration.ofSeconds(10)).build());
    int[] delays = {0, 1, 1, 2, 3};
    for (int delay : delays) {
      int before = fixture.starter().workers().size();
      fixture.starter().latest().failLoad(500, "ImportError: no x");
      assertTrue(fixture.core().models().health().healthy(), "inside the window");
      if (delay > 0) {
        assertEquals(fixture.starter().workers().size(), before, "waits " + delay + " s");
        fixture.advance(Duration.ofSeconds(delay).minusMillis(1));
        assertEquals(fixture.starter().workers().size(), before, "waits " + delay + " s");
        fixture.advance(Duration.ofMillis(1));
      }
      assertEquals(fixture.starter().workers().size(), before + 1);
    }
    // 7 of 10 s are over: the next delay, 5 s, is cut to 3 s.
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    int before = fixture.starter().workers().size();
    fixture.advance(Duration.ofSeconds(3));
    assertEquals(fixture.starter().workers().size(), before + 1);
    assertFalse(fixture.core().models().health().healthy(), "the last attempt changes nothing yet");
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    fixture.advance(Duration.ofMinutes(30));
    assertEquals(fixture.starter().workers().size(), before + 1, "never past the window");
    assertEquals(
        fixture.core().models().health().shortModels(),
        List.of(new ShortModel("m", "1.0", 0, 1, "ImportError: no x")));
    RecordingSink late = fixture.predict("late");
    assertEquals(late.errorKind(), Optional.of(ErrorKind.NO_WORKER));
    assertEquals(late.error().orElseThrow().detail(), Optional.of("ImportError: no x"));
    assertEquals(worker(0).status(), "FAILED");
    assertTrue(worker(0).history().lastError().orElseThrow().traceback().contains("Traceback"));
  }

  @Test
  public void templateOfPreloadedWorkersIsReleasedWithTheLastOfThem() {
    ModelConfig config = new Configs().preloadModel().build();
    List<FakeWorker> workers = fixture.serve(2, config);
    OptionalInt templateId = workers.get(0).spec().process().templateId();
    assertTrue(templateId.isPresent());
    assertEquals(workers.get(1).spec().process().templateId(), templateId, "one parent for both");
    respond(workers.get(0), fixture.predict("proves that it works"));
    workers.get(0).die();
    workers.get(1).die();
    assertEquals(fixture.starter().released(), List.of(), "they come back, out of it");
    fixture.starter().alive().forEach(FakeWorker::load);
    CompletableFuture<ScaleResult> scaled = scale(0, true, Optional.empty());
    scaled.join();
    assertEquals(fixture.starter().released(), List.of(templateId.getAsInt()));
    var unused = scale(1, true, Optional.empty());
    assertEquals(fixture.starter().latest().spec().process().templateId(), templateId);
  }

  @Test
  public void whatAWorkerImportsForItselfIsToldUntilItsVersionLeaves() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    int versionId = worker.spec().process().imports().orElseThrow().versionId();
    worker.importsForItself("importing a started a process", List.of("a", "a.b"));
    assertEquals(fixture.starter().imported(), List.of(versionId + " [a, a.b]"));
    assertEquals(worker(0).history().plainFork(), Optional.of("importing a started a process"));
    worker.die();
    fixture.starter().alive().forEach(FakeWorker::load);
    assertEquals(worker(0).history().plainFork(), Optional.empty(), "the next one shares");
    assertEquals(fixture.starter().released(), List.of());
    scale(0, true, Optional.empty()).join();
    assertEquals(fixture.starter().released(), List.of(versionId));
  }

  @Test
  public void modelWithoutTemplateImportsHasNoNumberForThem() {
    ModelConfig off = new Configs().templateImports().build();
    assertEquals(fixture.serve(1, off).get(0).spec().process().imports(), Optional.empty());
  }

  @Test
  public void namesOfTemplateImportsReachTheWorkers() {
    ModelConfig named = new Configs().templateImports("torchvision.ops").build();
    assertEquals(
        fixture.serve(1, named).get(0).spec().process().imports().orElseThrow().names(),
        Optional.of(List.of("torchvision.ops")));
  }

  @Test
  public void workersThatLoadTheModelThemselvesHaveNoTemplate() {
    assertEquals(
        fixture.serve(1, ModelConfig.none()).get(0).spec().process().templateId(),
        OptionalInt.empty());
  }

  @Test
  public void scalingRevivesWhatWasGivenUp() {
    start(1, new Configs().maxRetryTimeout(Duration.ZERO).build());
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    assertFalse(fixture.core().models().health().healthy());
    CompletableFuture<ScaleResult> scaled = scale(1, true, Optional.empty());
    assertTrue(fixture.core().models().health().healthy());
    fixture.starter().latest().load();
    assertEquals(scaled.join().outcome(), ScaleResult.Outcome.DONE);
    respond(fixture.starter().latest(), fixture.predict("x"));
  }

  @Test
  public void registrationReplacesAVersionThatWasGivenUp() {
    start(1, new Configs().maxRetryTimeout(Duration.ZERO).build());
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    CompletableFuture<ScaleResult> again = register(1, ModelConfig.none(), true);
    fixture.starter().latest().load();
    assertEquals(again.join().outcome(), ScaleResult.Outcome.DONE);
    assertTrue(fixture.core().models().readiness("m", Optional.empty()).ready());
    assertEquals(fixture.source().openCount(), 1);
  }

  @Test
  public void workerThatDiesRightAfterEachLoadBacksOff() {
    start(1, ModelConfig.none());
    for (int delay : new int[] {0, 1, 1, 2, 3, 5}) {
      FakeWorker worker = fixture.starter().latest();
      worker.load();
      worker.die();
      if (delay > 0) {
        assertEquals(fixture.starter().latest(), worker, "not restarted for " + delay + " s");
        fixture.advance(Duration.ofSeconds(delay));
      }
      assertNotSame(fixture.starter().latest(), worker);
    }
  }

  @Test
  public void workerThatHasServedStartsAfresh() {
    start(1, ModelConfig.none());
    for (int i = 0; i < 5; i++) {
      FakeWorker worker = fixture.starter().latest();
      worker.load();
      respond(worker, fixture.predict("x"));
      worker.die();
      assertNotSame(fixture.starter().latest(), worker, "no delay");
    }
  }

  @Test
  public void workerThatDoesNotLoadInTimeIsKilledAndReplaced() {
    CompletableFuture<ScaleResult> registered =
        register(1, new Configs().startupTimeout(Duration.ofSeconds(7)).build(), false);
    assertEquals(registered.join().outcome(), ScaleResult.Outcome.ACCEPTED);
    FakeWorker slow = fixture.starter().latest();
    slow.connect();
    fixture.advance(Duration.ofSeconds(7));
    assertTrue(slow.wasKilled());
    assertNotSame(fixture.starter().latest(), slow);
    assertTrue(worker(0).history().lastError().orElseThrow().detail().contains("startupTimeout"));
  }

  @Test
  public void idleWorkerThatDoesNotRespondToPingsIsKilled() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.advance(Duration.ofSeconds(10));
    assertEquals(worker.pings(), List.of(0));
    worker.pong(0);
    fixture.advance(Duration.ofSeconds(20));
    assertEquals(worker.pings(), List.of(0, 1));
    fixture.advance(Duration.ofSeconds(20));
    assertTrue(worker.wasKilled());
    assertNotSame(fixture.starter().latest(), worker);
  }

  @Test
  public void busyWorkerIsNotPinged() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = fixture.predict("takes long");
    fixture.advance(Duration.ofSeconds(100));
    assertEquals(worker.pings(), List.of());
    respond(worker, sink);
    assertFalse(worker.wasKilled());
  }

  @Test
  public void workAfterAPingExcusesItsResponse() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.advance(Duration.ofSeconds(10));
    assertEquals(worker.pings().size(), 1);
    RecordingSink sink = fixture.predict("came just after the ping");
    fixture.advance(Duration.ofSeconds(60));
    assertFalse(worker.wasKilled());
    respond(worker, sink);
  }

  @Test
  public void synchronousRegistrationSaysWhyTheLoadFailedAndIsUndone() {
    CompletableFuture<ScaleResult> registered = register(2, ModelConfig.none(), true);
    RecordingSink early = fixture.predict("early");
    fixture.starter().workers().get(0).load();
    fixture.starter().workers().get(1).failLoad(500, "ImportError: no x");
    assertFailure(registered, ErrorKind.WORKER_LOAD_FAILED, "ImportError: no x");
    assertTrue(fixture.core().models().list().isEmpty());
    assertTrue(fixture.core().models().health().healthy());
    assertEquals(fixture.starter().alive(), List.of());
    assertEquals(fixture.source().openCount(), 0);
    assertEquals(early.ends(), 1);
  }

  @Test
  public void loadThatRunsOutOfMemoryIsReported() {
    CompletableFuture<ScaleResult> registered = register(1, ModelConfig.none(), true);
    fixture.starter().latest().failLoad(507, "torch.OutOfMemoryError: CUDA out of memory");
    assertFailure(
        registered, ErrorKind.LOAD_OUT_OF_MEMORY, "torch.OutOfMemoryError: CUDA out of memory");
  }

  @Test
  public void loadThatIsKilledCountsAsOutOfMemory() {
    CompletableFuture<ScaleResult> registered = register(1, ModelConfig.none(), true);
    fixture.starter().latest().connect();
    fixture.starter().latest().die();
    assertFailure(
        registered,
        ErrorKind.LOAD_OUT_OF_MEMORY,
        "killed by signal 9 (SIGKILL), as the system does when memory runs out");
  }

  @Test
  public void processThatCannotBeStartedIsAFailedLoad() {
    fixture
        .starter()
        .onStart(worker -> worker.exit(new ExitStatus(127, 0, "no such interpreter: /nope")));
    assertFailure(
        register(1, ModelConfig.none(), true),
        ErrorKind.WORKER_LOAD_FAILED,
        "exit code 127; last output: no such interpreter: /nope");
  }

  @Test
  public void synchronousScaleThatFailsKeepsItsNumbersAndGoesOn() {
    fixture.serve(1, ModelConfig.none());
    CompletableFuture<ScaleResult> scaled = scale(2, true, Optional.empty());
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    assertFailure(scaled, ErrorKind.WORKER_LOAD_FAILED, "ImportError: no x");
    ModelDescription described = describe();
    assertEquals(described.settings().workers().min(), 2);
    assertEquals(described.condition().workers().size(), 2);
    fixture.starter().latest().load();
    assertEquals(worker(1).status(), "READY");
  }

  @Test
  public void surplusWorkersFinishWhatTheyRunAndTheirIdsAreUsedAgain() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    RecordingSink first = fixture.predict("a");
    RecordingSink second = fixture.predict("b");
    CompletableFuture<ScaleResult> scaled = scale(1, true, Optional.empty());
    assertEquals(worker(1).status(), "UNLOADING");
    assertFalse(scaled.isDone());
    respond(workers.get(1), second.body().isEmpty() ? second : first);
    assertTrue(workers.get(1).hasExited());
    assertFalse(workers.get(1).wasKilled());
    assertEquals(scaled.join().outcome(), ScaleResult.Outcome.DONE);
    respond(workers.get(0), first);
    scale(2, false, Optional.empty()).join();
    assertEquals(fixture.starter().latest().spec().workerId(), 9001);
  }

  @Test
  public void drainLongerThanItsLimitEndsByKillAndTheRequestGoesOn() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    fixture.predict("a");
    RecordingSink second = fixture.predict("b");
    FakeWorker leaver = workers.get(1);
    String running = leaver.lastBatch().bodies().get(0);
    scale(1, false, Optional.of(Duration.ofSeconds(3))).join();
    fixture.advance(Duration.ofMillis(2999));
    assertFalse(leaver.wasKilled());
    fixture.advance(Duration.ofMillis(1));
    assertTrue(leaver.wasKilled());
    FakeWorker other = workers.get(0);
    other.lastBatch().respondToAll("ok");
    assertEquals(other.lastBatch().bodies(), List.of(running));
    other.lastBatch().respondToAll("ok");
    assertEquals(second.body(), Optional.of("ok"));
  }

  @Test
  public void scalingTriesAWorkerThatWaitsForItsNextAttemptAtOnce() {
    start(1, ModelConfig.none());
    for (int i = 0; i < 5; i++) {
      fixture.starter().latest().failLoad(500, "ImportError: no x");
      fixture.advance(Duration.ofSeconds(2));
    }
    assertEquals(fixture.starter().alive(), List.of(), "waits for its next attempt");
    CompletableFuture<ScaleResult> scaled = scale(1, true, Optional.empty());
    fixture.starter().latest().load();
    assertEquals(scaled.join().outcome(), ScaleResult.Outcome.DONE);
    fixture.advance(Duration.ofMinutes(1));
    assertEquals(fixture.starter().alive().size(), 1);
  }

  @Test
  public void scaledToZeroNoCallerWaits() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink running = fixture.predict("running");
    RecordingSink waiting = fixture.predict("waiting");
    scale(0, false, Optional.empty()).join();
    assertEquals(waiting.errorKind(), Optional.of(ErrorKind.NO_WORKER));
    respond(worker, running);
    assertTrue(worker.hasExited());
    assertTrue(fixture.core().models().health().healthy());
  }

  @Test
  public void gpusAreDealtInTurnOverAllModels() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(3, 2));
    fixture.source().add("a.mar", "a", "1.0", ModelConfig.none());
    fixture.source().add("b.mar", "b", "1.0", ModelConfig.none());
    fixture
        .source()
        .add("own.mar", "own", "1.0", new Configs().device(DeviceType.GPU, 2, 1).build());
    fixture.source().add("cpu.mar", "cpu", "1.0", new Configs().device(DeviceType.CPU).build());
    for (String url : List.of("a.mar", "b.mar", "own.mar", "cpu.mar")) {
      fixture
          .core()
          .models()
          .register(CoreFixture.registration(url, OptionalInt.of(2), false, false))
          .join();
    }
    assertEquals(
        fixture.starter().workers().stream().map(worker -> worker.spec().gpus().device()).toList(),
        List.of(
            OptionalInt.of(0),
            OptionalInt.of(1),
            OptionalInt.of(2),
            OptionalInt.of(0),
            OptionalInt.of(2),
            OptionalInt.of(1),
            OptionalInt.empty(),
            OptionalInt.empty()));
    fixture.starter().workers().get(1).die();
    assertEquals(
        fixture.starter().latest().spec().gpus().device(), OptionalInt.of(1), "keeps its device");
  }

  @Test
  public void workerOfAGroupSeesItsGpusAloneAndCountsThemFromZero() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(5, 2));
    ModelConfig config = new Configs().parallel(ParallelType.CUSTOM, 2).build();
    fixture.source().add("a.mar", "a", "1.0", config);
    fixture
        .core()
        .models()
        .register(CoreFixture.registration("a.mar", OptionalInt.of(1), false, false))
        .join();
    ScaleModel more = new ScaleModel(9, 9, false, Optional.empty());
    ScaleResult scaled = fixture.core().models().scale("a", Optional.empty(), more).join();
    assertEquals(scaled.workers(), 2, "five GPUs are two groups of two");
    assertEquals(
        fixture.starter().workers().stream().map(worker -> worker.spec().gpus().visible()).toList(),
        List.of(List.of(0, 1), List.of(2, 3)));
    for (var worker : fixture.starter().workers()) {
      assertEquals(worker.spec().gpus().device(), OptionalInt.of(0));
    }
    fixture.starter().workers().get(1).die();
    assertEquals(fixture.starter().latest().spec().gpus().visible(), List.of(2, 3));
  }

  private void start(int workers, ModelConfig config) {
    fixture.register(workers, config, false).join();
  }

  private CompletableFuture<ScaleResult> register(
      int workers, ModelConfig config, boolean synchronous) {
    return fixture.register(workers, config, synchronous);
  }

  private CompletableFuture<ScaleResult> scale(
      int workers, boolean synchronous, Optional<Duration> timeout) {
    return fixture
        .core()
        .models()
        .scale("m", Optional.empty(), new ScaleModel(workers, workers, synchronous, timeout));
  }

  private ModelDescription describe() {
    return fixture.core().models().describe("m", Optional.empty());
  }

  private ModelDescription.Worker worker(int index) {
    return describe().condition().workers().get(index);
  }

  private static void respond(FakeWorker worker, RecordingSink sink) {
    worker.lastBatch().respondToAll("ok");
    assertEquals(sink.ends(), 1);
  }

  private static void assertFailure(
      CompletableFuture<ScaleResult> future, ErrorKind kind, String detail) {
    Failures.expect(future, kind, "Failed to start workers for model m version: 1.0");
    assertEquals(Failures.of(future).detail(), Optional.of(detail));
  }
}
