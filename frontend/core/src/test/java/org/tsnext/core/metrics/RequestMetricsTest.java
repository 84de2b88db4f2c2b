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
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** What a request on its way through the core leaves in the metrics. */
public class RequestMetricsTest {

  private static final String REQUESTS = "ts_inference_requests_total";
  private static final String ENDED = "ts_requests_total";

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
  public void requestCountsUnderTheVersionItNames() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 0.0);
    fixture.predict("a");
    worker.respondToOpen();
    send("1.0", Protocol.HTTP);
    worker.respondToOpen();
    send("1.0", Protocol.GRPC);
    worker.respondToOpen();
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 1.0);
    assertEquals(value(metrics, REQUESTS, "m", "1.0", "host"), 2.0);
  }

  @Test
  public void requestCountsUnderItsProtocolAndOutcome() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    send("1.0", Protocol.GRPC);
    worker.respondToOpen();
    fixture.predict("a");
    worker.error(worker.lastBatch().id(), 0, 400, "bad", "");
    fixture.predict("b");
    worker.error(worker.lastBatch().id(), 0, 503, "no", "");
    RecordingSink sink = new RecordingSink();
    InferenceCall call = fixture.submit("c", Optional.empty(), sink);
    call.cancel();
    assertEquals(value(metrics, ENDED, "m", "1.0", "grpc", "success"), 1.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), 0.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "client_error"), 1.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "server_error"), 1.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "cancelled"), 1.0);
  }

  @Test
  public void timesGoFromArrivalToWorkerAndToResponse() {
    fixture.register(1, ModelConfig.none()).join();
    fixture.predict("early");
    fixture.advance(Duration.ofMillis(250));
    FakeWorker worker = fixture.starter().latest();
    worker.load();
    fixture.advance(Duration.ofMillis(100));
    worker.respondToOpen();
    assertEquals(value(metrics, "QueueTime", "Host", "host"), 250.0);
    assertEquals(value(metrics, "ts_queue_latency_microseconds", "m", "default", "host"), 250e3);
    assertEquals(
        value(metrics, "ts_inference_latency_microseconds", "m", "default", "host"), 350e3);
    assertEquals(sum(metrics, "ts_queue_time_seconds", "m", "1.0", "http"), 0.25);
    assertEquals(sum(metrics, "ts_request_latency_seconds", "m", "1.0", "http"), 0.35);
    assertEquals(sum(metrics, "ts_worker_time_seconds", "m", "1.0"), 0.1);
    assertEquals(count(metrics, "ts_worker_time_seconds", "m", "1.0"), 1);
    assertEquals(value(metrics, "WorkerThreadTime", "Host", "host"), 0.0);
  }

  @Test
  public void failedRequestHasNoLatencyAndRefusedOneCounts() {
    fixture.register(0, ModelConfig.none()).join();
    fixture.predict("a");
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 1.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "server_error"), 1.0);
    assertEquals(count(metrics, "ts_request_latency_seconds", "m", "1.0", "http"), 0);
    assertEquals(count(metrics, "ts_queue_time_seconds", "m", "1.0", "http"), 0);
  }

  @Test
  public void requestThatIsGivenOnceMoreIsDequeuedOnce() {
    List<FakeWorker> workers = fixture.serve(2, ModelConfig.none());
    fixture.predict("a");
    FakeWorker first = workers.get(0).batches().isEmpty() ? workers.get(1) : workers.get(0);
    first.die();
    fixture.starter().alive().forEach(FakeWorker::respondToOpen);
    assertEquals(count(metrics, "ts_queue_time_seconds", "m", "1.0", "http"), 1);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), 1.0);
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 1.0);
  }

  @Test
  public void streamCountsOnceAtItsEnd() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.predict("a");
    worker.chunk(0, 0, "x");
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), 0.0);
    worker.respond(0, 0, "y");
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), 1.0);
  }

  @Test
  public void descriptionsAreNoTraffic() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.send(RequestKind.DESCRIBE, "");
    worker.respondToOpen();
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 0.0);
    assertEquals(count(metrics, "ts_request_latency_seconds", "m", "1.0", "http"), 0);
  }

  @Test
  public void gaugesShowQueueAndWorkersAsTheyAre() {
    fixture.register(2, ModelConfig.none()).join();
    fixture.predict("a");
    fixture.predict("b");
    assertEquals(value(metrics, "ts_queue_length", "m", "1.0"), 2.0);
    assertEquals(value(metrics, "ts_ready_workers", "m", "1.0"), 0.0);
    fixture.starter().alive().forEach(FakeWorker::load);
    assertEquals(value(metrics, "ts_queue_length", "m", "1.0"), 0.0);
    assertEquals(value(metrics, "ts_ready_workers", "m", "1.0"), 2.0);
    fixture.starter().alive().forEach(FakeWorker::respondToOpen);
  }

  @Test
  public void loadTimeOfARestartedWorkerIsThatOfItsNewProcess() {
    fixture.register(1, ModelConfig.none()).join();
    fixture.advance(Duration.ofSeconds(2));
    fixture.starter().latest().load();
    String name = "W-9000-m_1.0";
    assertEquals(value(metrics, "WorkerLoadTime", name, "Host", "host"), 2000.0);
    fixture.advance(Duration.ofHours(1));
    fixture.starter().latest().die();
    fixture.advance(Duration.ofSeconds(3));
    fixture.starter().latest().load();
    double after = value(metrics, "WorkerLoadTime", name, "Host", "host");
    assertEquals(after <= 3000.0 && after >= 0, true, "load time " + after);
  }

  @Test
  public void unregisteredVersionTakesItsSeriesAlongButNotTheOldCounters() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.predict("a");
    worker.respondToOpen();
    worker.diesOnRequest(true);
    fixture.core().models().unregister("m", Optional.of("1.0")).join();
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), -1.0);
    assertEquals(count(metrics, "ts_request_latency_seconds", "m", "1.0", "http"), -1);
    assertEquals(value(metrics, "ts_queue_length", "m", "1.0"), -1.0);
    assertEquals(value(metrics, "WorkerLoadTime", "W-9000-m_1.0", "Host", "host"), -1.0);
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 1.0);
    fixture.serve(1, ModelConfig.none());
    assertEquals(value(metrics, REQUESTS, "m", "default", "host"), 1.0);
    assertEquals(value(metrics, ENDED, "m", "1.0", "http", "success"), 0.0);
    assertEquals(value(metrics, "ts_ready_workers", "m", "1.0"), 1.0);
  }

  private void send(String version, Protocol protocol) {
    InferenceRequest made =
        fixture
            .requests()
            .request("m", Optional.of(version), RequestKind.PREDICT, "x", Optional.empty());
    InferenceRequest request =
        new InferenceRequest(
            made.id(),
            new InferenceRequest.Target(made.modelName(), made.version()),
            made.kind(),
            new InferenceRequest.Origin(protocol, false),
            made.headers(),
            made.parts(),
            made.timeout());
    fixture.core().inference().submit(request, new RecordingSink());
  }
}
