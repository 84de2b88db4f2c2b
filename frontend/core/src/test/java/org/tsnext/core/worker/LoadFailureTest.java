package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.CapturedWarnings;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.worker.WorkerListener.ExitStatus;

/** What clients get while a model cannot be loaded for an error of Python. */
public class LoadFailureTest {

  private static final String CAUSE = "ImportError: no x";

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
  public void whatWaitsAndWhatComesFailsAtOnceWithTheCauseWhileRestartsGoOn() {
    start(1);
    RecordingSink waiting = fixture.predict("waits");
    assertEquals(waiting.ends(), 0, "the model may still load");
    fixture.starter().latest().failLoad(500, CAUSE);
    assertFailed(waiting);
    assertFailed(fixture.predict("while the second attempt is under way"));
    fixture.starter().latest().failLoad(500, CAUSE);
    assertFailed(fixture.predict("before the third attempt"));
    assertFailed(fixture.send(RequestKind.EXPLAIN, "of another kind"));
    assertTrue(
        assertFailed(fixture.send(RequestKind.DESCRIBE, "")).getMessage().contains("describe"));
    fixture.advance(Duration.ofSeconds(1));
    assertEquals(fixture.starter().workers().size(), 3, "attempts go on");
    fixture.starter().latest().load();
    RecordingSink served = fixture.predict("served");
    fixture.starter().latest().respondToOpen();
    assertEquals(served.body(), Optional.of("ok"));
  }

  @Test
  public void clientsAreToldWhenTheNextAttemptBegins() {
    start(1);
    for (int i = 0; i < 5; i++) {
      fixture.starter().latest().failLoad(500, CAUSE);
      fixture.advance(Duration.ofSeconds(i == 4 ? 0 : i));
    }
    fixture.advance(Duration.ofMillis(500));
    ServingException error = assertFailed(fixture.predict("x"));
    assertTrue(error.getMessage().endsWith("the next attempt begins in 3 s."), error.getMessage());
    assertEquals(error.retryAfter(), Optional.of(Duration.ofMillis(2500)));
    fixture.advance(Duration.ofMillis(2500));
    error = assertFailed(fixture.predict("x"));
    assertTrue(error.getMessage().endsWith("another attempt is under way."), error.getMessage());
    assertEquals(error.retryAfter(), Optional.of(Duration.ofSeconds(1)));
  }

  @Test
  public void workersThatHaveNotTriedYetAreWaitedFor() {
    start(2);
    List<FakeWorker> workers = fixture.starter().alive();
    RecordingSink waiting = fixture.predict("waits");
    workers.get(0).failLoad(507, "OutOfMemoryError: CUDA out of memory");
    assertEquals(waiting.ends(), 0);
    workers.get(1).load();
    workers.get(1).respondToOpen();
    assertEquals(waiting.body(), Optional.of("ok"));
    // Once it is lost, none is left that may serve but the one whose load failed, and itself.
    workers.get(1).die();
    RecordingSink next = fixture.predict("waits for the one that has served");
    assertEquals(next.ends(), 0);
    fixture.starter().alive().forEach(worker -> worker.failLoad(500, CAUSE));
    assertFailed(next);
  }

  @Test
  public void processThatEndsWhileItLoadsIsWaitedFor() {
    start(1);
    RecordingSink waiting = fixture.predict("waits");
    fixture.starter().latest().connect();
    fixture.starter().latest().exit(new ExitStatus(-1, 9, ""));
    assertEquals(waiting.ends(), 0, "memory may be free again");
    fixture.starter().latest().load();
    fixture.starter().latest().respondToOpen();
    assertEquals(waiting.body(), Optional.of("ok"));
  }

  @Test
  public void requestsWaitForTheAttemptThatAnOperatorAskedFor() {
    start(1);
    fixture.starter().latest().failLoad(500, CAUSE);
    fixture.starter().latest().failLoad(500, CAUSE);
    assertFailed(fixture.predict("x"));
    var unused =
        fixture
            .core()
            .models()
            .scale("m", Optional.empty(), new ScaleModel(1, 1, false, Optional.empty()));
    RecordingSink waiting = fixture.predict("waits");
    assertEquals(waiting.ends(), 0);
    fixture.starter().latest().failLoad(500, CAUSE);
    assertFailed(waiting);
  }

  @Test
  public void restartThatFailsAsBeforeIsOneLineAndTheTracebackIsLoggedOnce() {
    try (CapturedWarnings slots = new CapturedWarnings(WorkerSlot.class);
        CapturedWarnings failures = new CapturedWarnings(LoadFailureLog.class);
        CapturedWarnings processes = new CapturedWarnings(ProcessEvents.class);
        CapturedWarnings modelLog = new CapturedWarnings("MODEL_LOG")) {
      start(2);
      for (int i = 0; i < 3; i++) {
        String text = "ImportError: no x, attempt " + i;
        fixture.starter().alive().forEach(worker -> worker.failLoad(500, text));
        fixture.advance(Duration.ofSeconds(1));
      }
      String failed = "Load model failed: m, error: ImportError: no x, attempt ";
      assertEquals(failures.lines(), List.of(failed + 0, failed + 0), "once per worker");
      assertEquals(processes.lines().size(), 2, "so is that it was given up: " + processes.lines());
      assertEquals(modelLog.lines().size(), 1, "the traceback once: " + modelLog.lines());
      assertTrue(modelLog.lines().get(0).contains("Traceback"), modelLog.lines().get(0));
      String again = "Auto recovery failed again. Retry worker: %d in 1 seconds. %s%d";
      assertEquals(
          slots.lines(),
          List.of(
              again.formatted(9000, failed, 1),
              again.formatted(9001, failed, 1),
              again.formatted(9000, failed, 2),
              again.formatted(9001, failed, 2)));
      fixture.starter().alive().forEach(worker -> worker.failLoad(500, "ValueError: no y"));
      assertEquals(modelLog.lines().size(), 2, "another error has its own");
      fixture.advance(Duration.ofSeconds(2));
      fixture.starter().alive().forEach(FakeWorker::load);
      fixture.starter().alive().get(0).die();
      fixture.starter().latest().failLoad(500, "ValueError: no y");
      assertEquals(modelLog.lines().size(), 3, "so has one that comes back");
    }
  }

  private void start(int workers) {
    ModelConfig config = new Configs().maxRetryTimeout(Duration.ofMinutes(5)).build();
    fixture.register(workers, config).join();
  }

  private static ServingException assertFailed(RecordingSink sink) {
    assertEquals(sink.ends(), 1);
    ServingException error = sink.error().orElseThrow();
    assertEquals(error.kind(), ErrorKind.NO_WORKER);
    assertEquals(error.detail(), Optional.of(CAUSE));
    assertTrue(error.retryAfter().isPresent());
    return error;
  }
}
