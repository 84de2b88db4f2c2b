package org.tsnext.core.metrics;

import static org.testng.Assert.assertEquals;
import static org.tsnext.core.testing.MetricReader.count;
import static org.tsnext.core.testing.MetricReader.sum;
import static org.tsnext.core.testing.MetricReader.value;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.worker.WorkerListener.ExitStatus;

/** Restarts by cause, requests that were given up, and sizes of batches. */
public class RestartMetricsTest {

  private static final String RESTARTS = "ts_worker_restarts_total";

  private CoreFixture fixture;
  private MetricRegistry metrics;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
    metrics = fixture.metrics();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  @Test
  public void everyCauseIsThereFromTheStart() {
    fixture.register(1, ModelConfig.none()).join();
    for (RestartCause cause : RestartCause.values()) {
      assertEquals(restarts(cause.label()), 0.0, cause.label());
    }
  }

  @Test
  public void restartCountsUnderTheEndOfTheProcessBefore() {
    fixture.serve(1, ModelConfig.none());
    fixture.starter().latest().die();
    fixture.advance(Duration.ofSeconds(5));
    assertEquals(restarts("killed"), 1.0);
    fixture.starter().latest().load();
    fixture.starter().latest().exit(new ExitStatus(1, 0, ""));
    fixture.advance(Duration.ofSeconds(5));
    assertEquals(restarts("crashed"), 1.0);
    fixture.starter().latest().failLoad(500, "ImportError: x");
    fixture.advance(Duration.ofSeconds(5));
    assertEquals(restarts("load_failed"), 1.0);
    fixture.starter().latest().failLoad(507, "MemoryError");
    fixture.advance(Duration.ofSeconds(5));
    assertEquals(restarts("out_of_memory"), 1.0);
    assertEquals(restarts("killed"), 1.0);
  }

  @Test
  public void workerThatIsSilentOrTooSlowToLoadCountsAsThat() {
    fixture.serve(1, ModelConfig.none());
    fixture.predict("a");
    fixture.advance(Duration.ofSeconds(130));
    assertEquals(restarts("response_timeout"), 1.0);
    fixture.advance(Duration.ofSeconds(125));
    assertEquals(restarts("startup_timeout"), 1.0);
  }

  @Test
  public void workersThatWereNotThereBeforeAreNoRestarts() {
    fixture.serve(2, ModelConfig.none());
    for (RestartCause cause : RestartCause.values()) {
      assertEquals(restarts(cause.label()), 0.0, cause.label());
    }
    assertEquals(value(metrics, "ts_min_workers", "m", "1.0"), 2.0);
  }

  @Test
  public void requestsThatAreGivenUpCountByStage() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    RecordingSink sink = new RecordingSink();
    InferenceCall running = fixture.submit("a", Optional.empty(), sink);
    InferenceCall waiting = fixture.submit("b", Optional.empty(), sink);
    fixture.submit("c", Optional.of(Duration.ofMillis(100)), sink);
    running.cancel();
    waiting.cancel();
    fixture.advance(Duration.ofMillis(200));
    assertEquals(given("ts_requests_cancelled_total", "worker"), 1.0);
    assertEquals(given("ts_requests_cancelled_total", "queue"), 1.0);
    assertEquals(given("ts_requests_expired_total", "queue"), 1.0);
    assertEquals(given("ts_requests_expired_total", "worker"), 0.0);
    worker.respondToOpen();
  }

  @Test
  public void batchesCountBySize() {
    FakeWorker worker =
        fixture.serve(1, new Configs().batch(3, Duration.ofMillis(10)).build()).get(0);
    List.of("a", "b", "c", "d").forEach(fixture::predict);
    worker.respondToOpen();
    fixture.advance(Duration.ofMillis(20));
    worker.respondToOpen();
    assertEquals(count(metrics, "ts_batch_size", "m", "1.0"), 2);
    assertEquals(sum(metrics, "ts_batch_size", "m", "1.0"), 4.0);
  }

  private double restarts(String cause) {
    return value(metrics, RESTARTS, "m", "1.0", cause);
  }

  private double given(String name, String stage) {
    return value(metrics, name, "m", "1.0", "http", stage);
  }
}
