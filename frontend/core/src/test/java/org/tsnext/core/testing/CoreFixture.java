package org.tsnext.core.testing;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.ServingCore;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.MetricDefinitions;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.SampleListener;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.model.LoadMemory;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.worker.ModelEnvironment;

/** A whole core on fakes: time stands still, workers do as told, and everything runs here. */
public final class CoreFixture {

  private final ManualTime time = new ManualTime();
  private final FakeWorkerStarter starter;
  private final FakeModelSource source = new FakeModelSource();
  private final Requests requests = new Requests();
  private final MetricRegistry metrics = new MetricRegistry(100);
  private final AtomicInteger changes = new AtomicInteger();
  private final FakeUsage usage = new FakeUsage();
  private final ServingCore core;

  public CoreFixture() {
    this(new FakeWorkerStarter(), ServingSettings.defaults(0, 2));
  }

  /**
   * @param started whether the start is over
   */
  public CoreFixture(boolean started) {
    this(
        new FakeWorkerStarter(),
        ServingSettings.defaults(0, 2),
        new NoEnvironment(),
        LoadMemory.unchecked(),
        started);
  }

  public CoreFixture(FakeWorkerStarter starter, ServingSettings settings) {
    this(starter, settings, new NoEnvironment());
  }

  public CoreFixture(
      FakeWorkerStarter starter, ServingSettings settings, ModelEnvironment environment) {
    this(starter, settings, environment, LoadMemory.unchecked(), true);
  }

  public CoreFixture(LoadMemory memory) {
    this(
        new FakeWorkerStarter(), ServingSettings.defaults(0, 2), new NoEnvironment(), memory, true);
  }

  private CoreFixture(
      FakeWorkerStarter starter,
      ServingSettings settings,
      ModelEnvironment environment,
      LoadMemory memory,
      boolean started) {
    this.starter = starter;
    this.core =
        new ServingCore(
            settings,
            new ServingCore.ModelFiles(source, environment, memory),
            new ServingCore.WorkerProcesses(starter, usage),
            new ServingCore.Execution(time, time, Runnable::run),
            serverMetrics(metrics),
            changes::incrementAndGet);
    if (started) {
      core.readiness().startCompleted();
    }
  }

  /** How requests of {@code m} are treated: one by one, ten may wait, one retry. */
  public static DispatchPolicy policy(String version) {
    return new DispatchPolicy(
        new VersionId("m", version),
        new Batching(1, Duration.ZERO, false),
        new QueueLimits(10, false),
        new Timeouts(
            Duration.ofSeconds(60), Duration.ofMinutes(2), Duration.ofMinutes(5), Duration.ZERO),
        true,
        0,
        Optional.empty());
  }

  public ManualTime time() {
    return time;
  }

  public FakeWorkerStarter starter() {
    return starter;
  }

  public FakeModelSource source() {
    return source;
  }

  public Requests requests() {
    return requests;
  }

  public MetricRegistry metrics() {
    return metrics;
  }

  /** Everything that needs no declaration, and what handlers emit. */
  public static ServerMetrics serverMetrics(MetricRegistry registry) {
    return new ServerMetrics(
        registry, MetricDefinitions.defaults(), true, "host", SampleListener.NONE);
  }

  /** What the core believes that workers use. */
  public FakeUsage usage() {
    return usage;
  }

  /** How often the core told of a change of its models. */
  public int changes() {
    return changes.get();
  }

  public ServingCore core() {
    return core;
  }

  /** Adds a model "m" to the store and registers it over the API, asynchronously. */
  public CompletableFuture<ScaleResult> register(int workers, ModelConfig config) {
    return register(workers, config, false);
  }

  public CompletableFuture<ScaleResult> register(
      int workers, ModelConfig config, boolean synchronous) {
    source.add("m.mar", "m", "1.0", config);
    return core.models()
        .register(registration("m.mar", OptionalInt.of(workers), synchronous, false));
  }

  /** Registers "m" and has all its workers load. */
  public List<FakeWorker> serve(int workers, ModelConfig config) {
    CompletableFuture<ScaleResult> registered = register(workers, config, true);
    starter.alive().forEach(FakeWorker::load);
    registered.join();
    return starter.alive();
  }

  /** A registration with nothing special in it. */
  public static RegisterModel registration(
      String url, OptionalInt workers, boolean synchronous, boolean trusted) {
    return new RegisterModel(
        new RegisterModel.Source(url, false),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        new RegisterModel.Requested(
            OptionalInt.empty(), Optional.empty(), workers, Optional.empty(), Optional.empty()),
        new RegisterModel.Origin(trusted, false),
        synchronous);
  }

  /** Sends a prediction to the default version of "m". */
  public RecordingSink predict(String body) {
    RecordingSink sink = new RecordingSink();
    core.inference().submit(requests.predict("m", body), sink);
    return sink;
  }

  /** Sends a prediction to the default version of "m", with a handle to cancel it. */
  public InferenceCall submit(String body, Optional<Duration> timeout, RecordingSink sink) {
    return core.inference()
        .submit(requests.request("m", Optional.empty(), RequestKind.PREDICT, body, timeout), sink);
  }

  /** Sends a request of another kind. */
  public RecordingSink send(RequestKind kind, String body) {
    RecordingSink sink = new RecordingSink();
    core.inference()
        .submit(requests.request("m", Optional.empty(), kind, body, Optional.empty()), sink);
    return sink;
  }

  /** Ends everything, and throws if a buffer, a worker or an archive is left behind. */
  public void closeAndCheck() {
    core.close();
    if (requests.unreleased() > 0 || !starter.alive().isEmpty() || source.openCount() > 0) {
      throw new AssertionError(
          "Left behind: "
              + requests.unreleased()
              + " requests, "
              + starter.alive().size()
              + " workers, "
              + source.openCount()
              + " archives");
    }
  }

  public void advance(Duration by) {
    time.advance(by);
  }

  private static final class NoEnvironment implements ModelEnvironment {
    @Override
    public Prepared prepare(String modelName, ModelArchive archive, Consumer<String> progress) {
      return Prepared.NOTHING;
    }

    @Override
    public void release(Prepared prepared) {}
  }
}
