package org.tsnext.core.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.Diagnosis;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ReadinessReport;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.model.ServedModels;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.Devices;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.settings.WorkerRange;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerExit;
import org.tsnext.core.worker.WorkerLoad;
import org.tsnext.core.worker.WorkerState;
import org.tsnext.core.worker.WorkerView;

/**
 * The core's door for management: knows the model {@code cats} in versions 1.0 and 2.0. Tests of
 * something else override what they watch.
 */
public class FakeModels implements ModelService {

  private static final Instant TIME = Instant.parse("2030-01-01T10:00:00.123456Z");

  private static final ModelDescription.Worker WORKER =
      new ModelDescription.Worker(
          "9000",
          TIME,
          WorkerState.READY,
          Instant.EPOCH,
          new ModelDescription.ProcessUsage(
              WorkerView.Processes.of(4711), 570425344, false, Optional.empty()),
          new WorkerLoad(0, 1),
          new ModelDescription.History(
              0, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty()));

  private static final Diagnosis HEALTHY =
      new Diagnosis(Diagnosis.State.READY, 1, "", Optional.empty());

  private static final Recovery RECOVERY = new Recovery(3, TIME, Optional.of(TIME.plusSeconds(2)));

  private static final ModelDescription.Worker FAILING_WORKER =
      new ModelDescription.Worker(
          "9001",
          TIME,
          WorkerState.BACKOFF,
          TIME,
          new ModelDescription.ProcessUsage(WorkerView.Processes.NONE, 0, false, Optional.empty()),
          new WorkerLoad(0, 1),
          new ModelDescription.History(
              2,
              Optional.of(RECOVERY),
              Optional.of(new WorkerExit(TIME, OptionalInt.empty(), OptionalInt.of(9), "killed")),
              Optional.of(
                  new WorkerError(
                      TIME, "ImportError", "Load model failed", "ImportError: no x", "Traceback")),
              Optional.of("importing a started a process")));

  private static final Diagnosis FAILING =
      new Diagnosis(Diagnosis.State.RECOVERING, 0, "no worker", Optional.of(RECOVERY));

  public final BlockingQueue<Object> requests = new LinkedBlockingQueue<>();
  public volatile HealthReport health = new HealthReport(List.of());
  public volatile CompletableFuture<ScaleResult> result =
      CompletableFuture.completedFuture(
          new ScaleResult(ScaleResult.Outcome.DONE, "cats", "1.0", 2));
  public volatile List<ModelEntry> entries = List.of(new ModelEntry("cats", "cats.mar"));
  public volatile boolean ready = true;
  public volatile ServedModels served = new FakeServedModels();

  /** How often every version is told of where all are. */
  public volatile int copies = 1;

  public volatile ReadinessReport notReady =
      new ReadinessReport(
          "", List.of(new HealthReport.ShortModel("cats", "1.0", 0, 1, "ImportError: no x")));
  public volatile ModelConfig config = ModelConfig.none();

  @Override
  public CompletableFuture<ScaleResult> register(RegisterModel registration) {
    requests.add(registration);
    return result;
  }

  @Override
  public CompletableFuture<ScaleResult> scale(
      String modelName, Optional<String> version, ScaleModel scaling) {
    check(modelName, version);
    requests.add(List.of(modelName, version, scaling));
    return result;
  }

  @Override
  public CompletableFuture<Void> unregister(String modelName, Optional<String> version) {
    check(modelName, version);
    requests.add(List.of("unregister", modelName, version));
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void setDefault(String modelName, String version) {
    check(modelName, Optional.of(version));
    requests.add(List.of("default", modelName, version));
  }

  @Override
  public ModelDescription describe(String modelName, Optional<String> version) {
    check(modelName, version);
    return description(version.orElse("1.0"));
  }

  @Override
  public List<ModelDescription> describeAll(String modelName) {
    check(modelName, Optional.empty());
    return List.of(description("1.0"), description("2.0"));
  }

  @Override
  public List<ModelDescription> describeEvery() {
    return Collections.nCopies(copies, describeAll("cats")).stream().flatMap(List::stream).toList();
  }

  @Override
  public List<ModelEntry> list() {
    return new ArrayList<>(entries);
  }

  @Override
  public ServedModels served() {
    return served;
  }

  @Override
  public HealthReport health() {
    return health;
  }

  @Override
  public ReadinessReport readiness() {
    return ready ? ReadinessReport.READY : notReady;
  }

  @Override
  public ReadinessReport readiness(String modelName, Optional<String> version) {
    check(modelName, version);
    return readiness();
  }

  private static void check(String modelName, Optional<String> version) {
    if (!modelName.equals("cats")) {
      throw new ServingException(ErrorKind.MODEL_NOT_FOUND, "Model not found: " + modelName);
    }
    if (version.filter(text -> !text.equals("1.0") && !text.equals("2.0")).isPresent()) {
      throw new ServingException(
          ErrorKind.MODEL_VERSION_NOT_FOUND,
          "Model version: " + version.get() + " does not exist for model: " + modelName);
    }
  }

  private ModelDescription description(String version) {
    return version.equals("1.0")
        ? description(version, WORKER, HEALTHY, Optional.empty())
        : description(version, FAILING_WORKER, FAILING, FAILING_WORKER.history().lastError());
  }

  private ModelDescription description(
      String version,
      ModelDescription.Worker worker,
      Diagnosis diagnosis,
      Optional<WorkerError> error) {
    return new ModelDescription(
        new ModelDescription.Identity(
            new VersionId("cats", version), "cats.mar", "python", true, version.equals("1.0")),
        new VersionSettings(
            new WorkerRange(1, 1),
            new Batching(4, Duration.ofMillis(100), false),
            new Timeouts(
                Duration.ofMinutes(2), Duration.ofMinutes(2), Duration.ofMinutes(5), Duration.ZERO),
            new QueueLimits(100, false),
            new Devices(false, List.of(), 0),
            config,
            Map.of("batchSize", "model-config.yaml")),
        new ModelDescription.Condition(List.of(worker), 3, diagnosis, error, error));
  }
}
