package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.model.Diagnosis.State;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerState;

/** "Why is my model down?", answered by its description. */
public class DiagnosisTest {

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
  public void readyModelHasNothingToExplain() {
    fixture.serve(2, ModelConfig.none());
    assertEquals(diagnosis(), new Diagnosis(State.READY, 2, "", Optional.empty()));
  }

  @Test
  public void loadingModelSaysHowFarItIs() {
    register(2, ModelConfig.none());
    assertEquals(diagnosis().state(), State.LOADING);
    assertEquals(diagnosis().reason(), "0 of 2 workers have the model loaded.");
    fixture.starter().latest().load();
    assertEquals(diagnosis().state(), State.DEGRADED);
    assertEquals(diagnosis().readyWorkers(), 1);
  }

  @Test
  public void modelScaledToZeroSaysSo() {
    register(0, ModelConfig.none());
    assertEquals(diagnosis().state(), State.NO_WORKERS);
    assertEquals(diagnosis().reason(), "It is scaled to 0 workers.");
  }

  @Test
  public void failingModelTellsTheCauseTheAttemptsAndTheNextOne() {
    register(1, new Configs().maxRetryTimeout(Duration.ofSeconds(60)).build());
    fixture.starter().latest().failLoad(500, "ImportError: no x"); // tried again at once
    ModelDescription trying = describe();
    assertEquals(trying.condition().diagnosis().state(), State.RECOVERING);
    assertEquals(trying.condition().workers().get(0).state(), WorkerState.STARTING);
    assertEquals(
        trying.condition().diagnosis().recovery().orElseThrow().nextAttempt(), Optional.empty());
    fixture.starter().latest().failLoad(500, "ImportError: no y");
    ModelDescription waiting = describe();
    Recovery recovery = waiting.condition().diagnosis().recovery().orElseThrow();
    assertEquals(recovery.failures(), 2);
    assertEquals(
        recovery.nextAttempt(), Optional.of(fixture.time().now().plus(Duration.ofSeconds(1))));
    assertEquals(waiting.condition().workers().get(0).history().recovery(), Optional.of(recovery));
    assertEquals(waiting.condition().workers().get(0).state(), WorkerState.BACKOFF);
    assertEquals(
        waiting.condition().diagnosis().reason(),
        "0 of 1 workers have the model loaded; ImportError: no y.");
    WorkerError error = waiting.condition().lastLoadError().orElseThrow();
    assertEquals(error.type(), "ImportError");
    assertEquals(error.detail(), "ImportError: no y");
    assertTrue(error.traceback().startsWith("Traceback"));
    assertTrue(waiting.condition().workers().get(0).history().lastExit().isPresent());
  }

  @Test
  public void givenUpModelSaysThatScalingTriesAgain() {
    register(1, new Configs().maxRetryTimeout(Duration.ZERO).build());
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    ModelDescription down = describe();
    assertEquals(down.condition().diagnosis().state(), State.FAILED);
    assertEquals(
        down.condition().diagnosis().reason(),
        "0 of 1 workers have the model loaded, and automatic restarts have ended"
            + " (maxRetryTimeoutInSec); scaling starts the workers again; ImportError: no x.");
    assertEquals(
        down.condition().diagnosis().recovery().orElseThrow().nextAttempt(), Optional.empty());
    assertEquals(down.condition().workers().get(0).status(), "FAILED");
  }

  @Test
  public void deadProcessTellsItsSignal() {
    fixture.serve(1, ModelConfig.none()).get(0).die();
    ModelDescription.Worker worker = describe().condition().workers().get(0);
    assertEquals(worker.history().lastExit().orElseThrow().signal().getAsInt(), 9);
    assertTrue(worker.history().lastExit().orElseThrow().code().isEmpty());
    assertEquals(worker.history().lastError().orElseThrow().type(), "ProcessExit");
    assertEquals(
        worker.history().lastError().orElseThrow().detail(),
        "killed by signal 9 (SIGKILL), as the system does when memory runs out");
    assertTrue(describe().condition().lastLoadError().isEmpty());
    fixture.starter().latest().load();
    assertEquals(diagnosis().state(), State.READY);
    assertEquals(describe().condition().workers().get(0).history().recovery(), Optional.empty());
    assertEquals(describe().condition().workers().get(0).history().restarts(), 1);
  }

  @Test
  public void workerThatTheServerKilledTellsWhy() {
    register(1, new Configs().startupTimeout(Duration.ofSeconds(5)).build());
    fixture.starter().latest().connect();
    fixture.advance(Duration.ofSeconds(5));
    ModelDescription.Worker worker = describe().condition().workers().get(0);
    assertEquals(
        worker.history().lastExit().orElseThrow().reason(),
        "not loaded within startupTimeout, 5000 ms");
    assertTrue(describe().condition().lastLoadError().isPresent());
  }

  @Test
  public void handlerErrorDoesNotHideWhyTheModelDidNotLoad() {
    register(1, ModelConfig.none());
    fixture.starter().latest().failLoad(500, "ImportError: no x");
    FakeWorker worker = fixture.starter().latest();
    worker.load();
    fixture.predict("bad");
    worker.error(worker.lastBatch().id(), 0, 503, "Prediction failed", "ValueError: bad digit");
    assertEquals(describe().condition().lastError().orElseThrow().type(), "ValueError");
    assertEquals(describe().condition().lastLoadError().orElseThrow().type(), "ImportError");
  }

  @Test
  public void longTracebacksAreCutToTheirEnd() {
    fixture.serve(1, ModelConfig.none());
    FakeWorker worker = fixture.starter().latest();
    fixture.predict("bad");
    worker.error(worker.lastBatch().id(), 0, 503, "Prediction failed", "E: " + "x".repeat(50_000));
    WorkerError error = describe().condition().lastError().orElseThrow();
    assertEquals(error.type(), "E");
    assertTrue(error.traceback().length() < 17_000, "" + error.traceback().length());
    assertTrue(error.traceback().endsWith("xxx"));
    assertTrue(error.detail().length() < 2_100, "" + error.detail().length());
  }

  @Test
  public void leavingModelSaysThatItLeaves() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.predict("running");
    CompletableFuture<Void> gone = fixture.core().models().unregister("m", Optional.empty());
    assertEquals(diagnosis().state(), State.UNLOADING);
    assertEquals(describe().condition().workers().get(0).status(), "UNLOADING");
    worker.respondToOpen();
    gone.join();
  }

  @Test
  public void processThatEndsByItselfTellsItsCode() {
    String stderr = "Traceback\n  File x\nSystemError: gone\n\n";
    fixture.serve(1, ModelConfig.none()).get(0).exit(new ExitStatus(17, 0, stderr));
    ModelDescription.Worker worker = describe().condition().workers().get(0);
    assertEquals(worker.history().lastExit().orElseThrow().code().getAsInt(), 17);
    assertTrue(worker.history().lastExit().orElseThrow().signal().isEmpty());
    assertEquals(worker.history().lastExit().orElseThrow().reason(), "SystemError: gone");
    assertEquals(worker.history().lastError().orElseThrow().detail(), "exit code 17");
  }

  @Test
  public void exitsSayHow() {
    assertEquals(exit(new ExitStatus(7, 0, "")), "exit code 7");
    assertEquals(
        exit(new ExitStatus(137, 0, "")),
        "exit code 137 (SIGKILL), as the system does when memory runs out");
    assertEquals(
        exit(new ExitStatus(-1, 11, "x\nFatal Python error: Segmentation fault (handler.py:3)")),
        "killed by signal 11 (SIGSEGV): Fatal Python error: Segmentation fault (handler.py:3)");
    assertEquals(exit(new ExitStatus(-1, 0, "no such interpreter")), "no such interpreter");
  }

  private String exit(ExitStatus status) {
    fixture.closeAndCheck();
    fixture = new CoreFixture();
    fixture.serve(1, ModelConfig.none()).get(0).exit(status);
    return describe().condition().lastError().orElseThrow().detail();
  }

  @Test
  public void causeIsThatOfTheWorkerThatIsDownAndEndsWithOneDot() {
    register(2, new Configs().maxRetryTimeout(Duration.ofSeconds(60)).build());
    FakeWorker serving = fixture.starter().workers().get(0);
    serving.load();
    fixture.starter().workers().get(1).failLoad(500, "ValueError: The vocabulary is empty.");
    fixture.predict("bad");
    serving.error(serving.lastBatch().id(), 0, 503, "Prediction failed", "KeyError: 'x'");
    assertEquals(
        diagnosis().reason(),
        "1 of 2 workers have the model loaded; ValueError: The vocabulary is empty.");
  }

  private void register(int workers, ModelConfig config) {
    fixture.register(workers, config).join();
  }

  private ModelDescription describe() {
    return fixture.core().models().describe("m", Optional.empty());
  }

  private Diagnosis diagnosis() {
    return describe().condition().diagnosis();
  }
}
