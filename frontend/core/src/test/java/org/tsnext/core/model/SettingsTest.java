package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.FakeModelSource;

/** Who wins: registration, model-config.yaml, the models property, or the server's defaults. */
public class SettingsTest {

  private static final ModelOverrides OVERRIDES =
      new ModelOverrides(
          OptionalInt.of(5),
          OptionalInt.of(6),
          OptionalInt.of(16),
          Optional.of(Duration.ofMillis(30)),
          Optional.of(Duration.ofSeconds(31)),
          Optional.of(Duration.ofSeconds(32)),
          Optional.empty());

  private static final ModelConfig YAML =
      new Configs()
          .workers(3, 4)
          .batch(8, Duration.ofMillis(20))
          .responseTimeout(Duration.ofSeconds(21))
          .startupTimeout(Duration.ofSeconds(22))
          .jobQueueSize(23)
          .build();

  @Test
  public void registrationWins() {
    VersionSpec spec = resolve(fullRegistration(false), YAML, server(0, true));
    assertEquals(spec.settings().batching().size(), 4);
    assertEquals(spec.settings().batching().maxDelay(), Duration.ofMillis(10));
    assertEquals(spec.settings().timeouts().response(), Duration.ofSeconds(11));
    assertEquals(spec.settings().timeouts().startup(), Duration.ofSeconds(12));
    assertEquals(
        List.of(spec.settings().workers().min(), spec.settings().workers().max()), List.of(2, 2));
    assertSources(spec, "request", "minWorkers", "maxWorkers", "batchSize", "maxBatchDelay");
    assertSources(spec, "request", "responseTimeout", "startupTimeout");
    assertSources(spec, "model-config.yaml", "jobQueueSize");
    assertSources(spec, "default", "maxRetryTimeoutInSec", "clientTimeoutInMills");
  }

  @Test
  public void valuesOfAnOperatorsRequestComeFromASavedState() {
    VersionSpec spec = resolve(fullRegistration(true), YAML, server(0, true));
    assertSources(spec, "snapshot", "minWorkers", "batchSize", "responseTimeout");
  }

  @Test
  public void modelConfigComesNext() {
    VersionSpec spec = resolve(registration(false), YAML, server(0, true));
    assertEquals(spec.settings().batching().size(), 8);
    assertEquals(spec.settings().batching().maxDelay(), Duration.ofMillis(20));
    assertEquals(spec.settings().timeouts().response(), Duration.ofSeconds(21));
    assertEquals(spec.settings().timeouts().startup(), Duration.ofSeconds(22));
    assertEquals(spec.settings().queueLimits().capacity(), 23);
    assertEquals(
        List.of(spec.settings().workers().min(), spec.settings().workers().max()), List.of(3, 4));
    assertSources(spec, "model-config.yaml", "minWorkers", "batchSize", "maxBatchDelay");
    assertSources(spec, "model-config.yaml", "responseTimeout", "startupTimeout");
  }

  @Test
  public void modelsPropertyComesThirdAndItsWorkersCountAtStartUpOnly() {
    VersionSpec started = resolve(registration(true), ModelConfig.none(), server(0, true));
    assertEquals(started.settings().batching().size(), 16);
    assertEquals(started.settings().batching().maxDelay(), Duration.ofMillis(30));
    assertEquals(started.settings().timeouts().response(), Duration.ofSeconds(31));
    assertEquals(started.settings().timeouts().startup(), Duration.ofSeconds(32));
    assertEquals(
        List.of(started.settings().workers().min(), started.settings().workers().max()),
        List.of(5, 6));
    assertSources(started, "models", "minWorkers", "batchSize", "maxBatchDelay");
    assertSources(started, "models", "responseTimeout", "startupTimeout");
    VersionSpec registered = resolve(registration(false), ModelConfig.none(), server(0, true));
    assertEquals(registered.settings().workers().min(), 0);
    assertEquals(registered.settings().batching().size(), 16);
  }

  @Test
  public void serverDefaultsComeLast() {
    VersionSpec spec = resolve(registration(true), ModelConfig.none(), server(0, false));
    assertEquals(spec.settings().batching().size(), 1);
    assertEquals(spec.settings().batching().maxDelay(), Duration.ofMillis(100));
    assertEquals(spec.settings().timeouts().response(), Duration.ofMinutes(2));
    assertEquals(spec.settings().timeouts().startup(), Duration.ofMinutes(2));
    assertEquals(spec.settings().timeouts().maxRetry(), Duration.ofMinutes(5));
    assertEquals(spec.settings().queueLimits().capacity(), 100);
    assertEquals(spec.settings().workers().min(), 7, "one per processor");
    assertSources(spec, "default", "batchSize", "maxBatchDelay");
    assertSources(spec, "default_workers_per_model", "minWorkers", "maxWorkers");
    assertSources(spec, "default_response_timeout", "responseTimeout");
    assertSources(spec, "default_startup_timeout", "startupTimeout");
    assertSources(spec, "job_queue_size", "jobQueueSize");
    assertEquals(
        resolve(registration(true), ModelConfig.none(), server(2, false))
            .settings()
            .workers()
            .min(),
        2,
        "one per GPU");
  }

  @Test
  public void configurationThatIsSilentOnTimeoutsLeavesTheDefaults() {
    ModelConfig silent = new Configs().workers(1, 1).build();
    assertEquals(
        resolve(fullRegistration(false), silent, server(0, false)).settings().timeouts().response(),
        Duration.ofSeconds(11));
  }

  @Test
  public void gpuIsUsedWhereThereIsOneUnlessTheModelWantsTheCpu() {
    assertTrue(
        resolve(registration(true), ModelConfig.none(), server(1, false))
            .settings()
            .devices()
            .gpu());
    assertTrue(
        !resolve(registration(true), new Configs().device(DeviceType.GPU).build(), server(0, false))
            .settings()
            .devices()
            .gpu());
    assertTrue(
        !resolve(registration(true), new Configs().device(DeviceType.CPU).build(), server(1, false))
            .settings()
            .devices()
            .gpu());
    assertEquals(
        resolve(
                registration(true),
                new Configs().device(DeviceType.GPU, 1, 0).build(),
                server(2, false))
            .settings()
            .devices()
            .own(),
        List.of(1, 0));
    assertEquals(
        resolve(
                registration(true),
                new Configs().device(DeviceType.GPU, 1, 2).build(),
                server(2, false))
            .settings()
            .devices()
            .own(),
        List.of(),
        "one unknown id voids the list");
  }

  @Test
  public void coroutineModelsGetSingleRequests() {
    ModelConfig async = new Configs().batch(8, Duration.ZERO).asyncCommunication().build();
    VersionSpec spec = resolve(registration(false), async, server(0, false));
    assertEquals(spec.settings().batching().size(), 1);
    assertSources(spec, "asyncCommunication", "batchSize");
    ModelConfig concurrent = new Configs().batch(8, Duration.ZERO).concurrency(4).build();
    spec = resolve(registration(false), concurrent, server(0, false));
    assertEquals(spec.settings().batching().size(), 1);
    assertSources(spec, "concurrency", "batchSize");
  }

  @Test
  public void modelWithoutManifestTakesItsNameFromTheCallOrAtStartUpFromItsFile() {
    ModelArchive bare = archive(Optional.empty(), ModelConfig.none());
    SettingsResolver resolver = new SettingsResolver(server(0, false), any -> false);
    assertRefused(
        () -> resolver.resolve(withHandler(registration(false)), bare),
        ErrorKind.INVALID_MODEL,
        "Model name is not defined.");
    assertEquals(resolver.resolve(withHandler(registration(true)), bare).name(), "cats");
    assertEquals(resolver.resolve(withHandler(registration(true)), bare).version(), "1.0");
  }

  @Test
  public void unknownRuntimeOfAManifestIsAnInvalidModel() {
    Optional<Manifest> java =
        Optional.of(
            new Manifest(
                Optional.of("cats"),
                Optional.of("1.0"),
                Optional.of("handler.py"),
                Optional.empty(),
                "java",
                new Manifest.NamedFiles(
                    Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty())));
    assertRefused(
        () ->
            new SettingsResolver(server(0, false), any -> false)
                .resolve(registration(true), archive(java, ModelConfig.none())),
        ErrorKind.INVALID_MODEL,
        "Runtime is not defined or invalid.");
  }

  @Test
  public void modelWithoutHandlerIsRefusedUnlessTheServerHasOne() {
    ModelArchive bare = archive(Optional.empty(), ModelConfig.none());
    assertRefused(
        () ->
            new SettingsResolver(server(0, false), any -> false).resolve(registration(true), bare),
        ErrorKind.INVALID_MODEL,
        "default_service_handler");
  }

  @DataProvider
  public Object[][] notServed() {
    return new Object[][] {
      {new Configs().preloadModel().asyncCommunication(), ErrorKind.INVALID_MODEL, "event loop"},
      {new Configs().preloadModel().concurrency(2), ErrorKind.INVALID_MODEL, "concurrency binds"},
      {new Configs().preloadModel().spawned(), ErrorKind.INVALID_MODEL, "expected fork"},
      {
        new Configs().parallel(ParallelType.PIPELINE, 2).nodes(2),
        ErrorKind.NOT_SUPPORTED,
        "torchrun.nnodes to 2, expected 1"
      },
      {
        new Configs().parallel(ParallelType.TENSOR, 2).asyncCommunication(),
        ErrorKind.INVALID_MODEL,
        "asyncCommunication beside parallelType tp"
      },
      {
        new Configs().parallel(ParallelType.PIPELINE_TENSOR, 2).preloadModel(),
        ErrorKind.INVALID_MODEL,
        "parallelType pptp gives each worker processes of its own"
      },
      {new Configs().sequenceBatching(), ErrorKind.INVALID_MODEL, "sequenceMaxIdleMSec"},
      {
        new Configs().sequences(Duration.ofSeconds(1), 1, 1).warmedUp(),
        ErrorKind.INVALID_MODEL,
        "warmup beside sequenceBatching, but a warm-up belongs to no sequence"
      },
      {
        new Configs().workers(1, 5000),
        ErrorKind.INVALID_MODEL,
        "model-config.yaml asks for 1 to 5000 workers, expected at most 4096."
      },
    };
  }

  @Test
  public void moreProcessesThanProcessorsAreToldUnlessTheyHaveGpus() {
    ModelConfig config = new Configs().parallel(ParallelType.TENSOR, 8).build();
    VersionSettings onCpu = resolve(registration(false), config, server(0, false)).settings();
    VersionSettings onGpus = resolve(registration(false), config, server(8, false)).settings();
    assertEquals(
        RankRemarks.of(onCpu, 7).orElseThrow(),
        "each worker has 8 processes (parallelLevel or torchrun.nproc-per-node), and this machine 7"
            + " processors: the processes wait for each other at each step; expected at most 7");
    assertEquals(RankRemarks.of(onCpu, 8), Optional.empty());
    assertEquals(RankRemarks.of(onGpus, 7), Optional.empty());
    VersionSettings plain =
        resolve(registration(false), ModelConfig.none(), server(0, false)).settings();
    assertEquals(RankRemarks.of(plain, 1), Optional.empty());
  }

  @Test
  public void preloadedModelIsRefusedOnGpusAndServedOnTheCpu() {
    assertRefused(
        () -> resolve(registration(false), new Configs().preloadModel().build(), server(1, false)),
        ErrorKind.INVALID_MODEL,
        "sets preloadModel, but its workers run on GPUs");
    ModelConfig onCpu = new Configs().preloadModel().device(DeviceType.CPU).build();
    assertTrue(
        resolve(registration(false), onCpu, server(1, false))
            .settings()
            .config()
            .workers()
            .preloadModel());
  }

  @Test
  public void workersOfSeveralProcessesHaveAGpuForEach() {
    ModelConfig config = new Configs().workers(9, 9).parallel(ParallelType.TENSOR, 2).build();
    VersionSpec spec = resolve(registration(false), config, server(5, false));
    assertEquals(spec.settings().workers().max(), 2);
    ModelConfig tooMany = new Configs().parallel(ParallelType.PIPELINE, 8).build();
    assertRefused(
        () -> resolve(registration(false), tooMany, server(2, false)),
        ErrorKind.NOT_ENOUGH_DEVICES,
        "No enough gpu devices for model:m parallelLevel:8");
    VersionSpec onCpu = resolve(registration(false), config, server(0, false));
    assertEquals(onCpu.settings().workers().max(), 9);
    assertEquals(onCpu.settings().config().devices().ranks(), 2);
  }

  @DataProvider
  public Object[][] groups() {
    return new Object[][] {
      {1, 4, List.of(), List.of(0, 1, 2, 3), 4},
      {2, 4, List.of(), List.of(0, 1, 2, 3), 2},
      {2, 5, List.of(4, 1, 2), List.of(4, 1, 2), 1},
      {3, 4, List.of(0, 9), List.of(0, 1, 2, 3), 1},
    };
  }

  @Test(dataProvider = "groups")
  public void modelWhoseWorkersTakeSeveralGpusHasAsManyAsThereAreGroups(
      int level, int gpus, List<Integer> wanted, List<Integer> devices, int workers) {
    Configs config = new Configs().workers(9, 9).parallel(ParallelType.CUSTOM, level);
    config.device(DeviceType.GPU, wanted.toArray(Integer[]::new));
    VersionSpec spec = resolve(registration(false), config.build(), server(gpus, false));
    assertEquals(spec.settings().devices().own(), devices);
    assertEquals(spec.settings().devices().perWorker(), level);
    assertEquals(
        List.of(spec.settings().workers().min(), spec.settings().workers().max()),
        List.of(workers, workers));
    assertEquals(spec.settings().devices().within(100), workers);
  }

  @Test
  public void modelThatNeedsMoreGpusThanThereAreIsRefused() {
    ModelConfig config = new Configs().parallel(ParallelType.CUSTOM, 3).build();
    assertRefused(
        () -> resolve(registration(false), config, server(2, false)),
        ErrorKind.NOT_ENOUGH_DEVICES,
        "No enough gpu devices for model:m parallelLevel:3");
  }

  @Test
  public void onTheCpuAWorkerOfACustomParallelModelIsLikeAnyOther() {
    ModelConfig config = new Configs().workers(9, 9).parallel(ParallelType.CUSTOM, 3).build();
    VersionSpec spec = resolve(registration(false), config, server(0, false));
    assertEquals(spec.settings().workers().min(), 9);
    assertEquals(spec.settings().devices().perWorker(), 0);
  }

  @Test
  public void envelopeOfTheServerWinsOverThatOfTheManifest() {
    Manifest plain = FakeModelSource.manifest("m", "1.0");
    Manifest manifest =
        new Manifest(
            plain.modelName(),
            plain.modelVersion(),
            plain.handler(),
            Optional.of("json"),
            plain.runtime(),
            new Manifest.NamedFiles(
                plain.files().serializedFile(),
                plain.files().modelFile(),
                plain.files().requirementsFile(),
                plain.files().configFile()));
    ModelArchive archive = archive(Optional.of(manifest), ModelConfig.none());
    for (Optional<String> ofServer : List.of(Optional.<String>empty(), Optional.of("kserve"))) {
      ServingSettings server = server(0, false, ofServer);
      VersionSpec spec =
          new SettingsResolver(server, any -> false).resolve(registration(false), archive);
      assertEquals(spec.model().envelope().orElseThrow(), ofServer.orElse("json"));
    }
  }

  @Test(dataProvider = "notServed")
  public void whatCannotBeServedSaysWhy(Configs config, ErrorKind kind, String key) {
    assertRefused(() -> resolve(registration(false), config.build(), server(0, false)), kind, key);
  }

  @DataProvider
  public Object[][] badBatchSizes() {
    return new Object[][] {{0}, {-1}, {4097}};
  }

  @Test(dataProvider = "badBatchSizes")
  public void batchSizeOutOfRangeIsRefused(int size) {
    RegisterModel registration =
        new RegisterModel(
            new RegisterModel.Source("cats.mar", false),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            new RegisterModel.Requested(
                OptionalInt.of(size),
                Optional.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                Optional.empty()),
            RegisterModel.Origin.CLIENT,
            true);
    assertRefused(
        () -> resolve(registration, ModelConfig.none(), server(0, false)),
        ErrorKind.BAD_REQUEST,
        "batch_size is " + size);
  }

  @DataProvider
  public Object[][] badNames() {
    return new Object[][] {{""}, {"../x"}, {"a/b"}, {".hidden"}, {"a b"}, {"x".repeat(256)}};
  }

  @Test(dataProvider = "badNames")
  public void badNamesAndVersionsAreRefused(String name) {
    ModelArchive named =
        archive(Optional.of(FakeModelSource.manifest(name, "1.0")), ModelConfig.none());
    ModelArchive versioned =
        archive(Optional.of(FakeModelSource.manifest("m", name)), ModelConfig.none());
    SettingsResolver resolver = new SettingsResolver(server(0, false), any -> false);
    assertRefused(
        () -> resolver.resolve(registration(false), named),
        ErrorKind.INVALID_MODEL,
        "The model name");
    assertRefused(
        () -> resolver.resolve(registration(false), versioned),
        ErrorKind.INVALID_MODEL,
        "The model version");
    RegisterModel renamed =
        new RegisterModel(
            new RegisterModel.Source("cats.mar", false),
            Optional.of(name),
            Optional.empty(),
            Optional.empty(),
            RegisterModel.Requested.NOTHING,
            RegisterModel.Origin.CLIENT,
            true);
    assertRefused(
        () -> resolver.resolve(renamed, versioned), ErrorKind.BAD_REQUEST, "The model name");
  }

  @Test
  public void settingsOfTheServerAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> ServingSettings.defaults(0, 0));
    assertThrows(IllegalArgumentException.class, () -> ServingSettings.defaults(-1, 1));
  }

  private static void assertSources(VersionSpec spec, String source, String... names) {
    for (String name : names) {
      assertEquals(spec.settings().sources().get(name), source, name);
    }
  }

  private static void assertRefused(
      org.testng.Assert.ThrowingRunnable action, ErrorKind kind, String words) {
    ServingException refusal = expectThrows(ServingException.class, action);
    assertEquals(refusal.kind(), kind);
    assertTrue(refusal.getMessage().contains(words), refusal.getMessage());
  }

  private static VersionSpec resolve(
      RegisterModel registration, ModelConfig config, ServingSettings server) {
    return new SettingsResolver(server, any -> false)
        .resolve(registration, archive(Optional.of(FakeModelSource.manifest("m", "1.0")), config));
  }

  private static ModelArchive archive(Optional<Manifest> manifest, ModelConfig config) {
    return new ModelArchive("cats.mar", "cats.mar", Path.of("/m"), manifest, config, true);
  }

  private static ServingSettings server(int gpus, boolean overrides) {
    return server(gpus, overrides, Optional.empty());
  }

  private static ServingSettings server(int gpus, boolean overrides, Optional<String> envelope) {
    ServingSettings plain = ServingSettings.defaults(gpus, 7);
    return new ServingSettings(
        new ServingSettings.ModelDefaults(
            plain.modelDefaults().jobQueueSize(),
            plain.modelDefaults().workers(),
            plain.modelDefaults().handler(),
            envelope,
            Compatibility.NEXT),
        new ServingSettings.ServerTimeouts(
            plain.timeouts().response(),
            plain.timeouts().startup(),
            plain.timeouts().unregister(),
            plain.timeouts().maxRetry()),
        new ServingSettings.HeartbeatPlan(
            plain.heartbeat().interval(), plain.heartbeat().timeout()),
        new ServingSettings.Machine(plain.machine().gpuCount(), plain.machine().cpuCount()),
        plain.initialWorkerPort(),
        plain.sequenceHeaders(),
        overrides ? Map.of("m", Map.of("1.0", OVERRIDES)) : Map.of());
  }

  private static RegisterModel registration(boolean trusted) {
    return new RegisterModel(
        new RegisterModel.Source("cats.mar", false),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        RegisterModel.Requested.NOTHING,
        new RegisterModel.Origin(trusted, false),
        true);
  }

  private static RegisterModel withHandler(RegisterModel registration) {
    return new RegisterModel(
        new RegisterModel.Source(registration.source().url(), false),
        Optional.empty(),
        Optional.of("handler.py"),
        Optional.empty(),
        RegisterModel.Requested.NOTHING,
        new RegisterModel.Origin(registration.origin().trusted(), false),
        true);
  }

  private static RegisterModel fullRegistration(boolean trusted) {
    return new RegisterModel(
        new RegisterModel.Source("cats.mar", false),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        new RegisterModel.Requested(
            OptionalInt.of(4),
            Optional.of(Duration.ofMillis(10)),
            OptionalInt.of(2),
            Optional.of(Duration.ofSeconds(11)),
            Optional.of(Duration.ofSeconds(12))),
        new RegisterModel.Origin(trusted, false),
        true);
  }
}
