package org.tsnext.worker.process;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.Torchrun;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.worker.environment.ProcessEnvironment;

public class SpawnRequestTest {

  private static final Path MODEL = Path.of("/models/digits");

  private final WorkerSettings settings =
      settings(Map.of("PATH", "/bin", "PYTHONPATH", "/a:/b", "MY_TOKEN", "t", "KEY", "k"));
  private final SpawnRequest spawnRequest = new SpawnRequest(settings, "Linux");

  @Test
  public void aPlainModelIsForked() {
    assertTrue(spawnRequest.forks(spec(), true));
  }

  @Test
  public void whatTheZygoteCannotServeIsSpawned() {
    assertFalse(spawnRequest.forks(spec(), false), "the zygote cannot fork");
    assertFalse(new SpawnRequest(settings, "Mac OS X").forks(spec(), true), "macOS");
    assertFalse(spawnRequest.forks(spec(WorkerStart.SPAWN, Map.of()), true), "workerStart: spawn");
    assertFalse(
        spawnRequest.forks(spec(WorkerStart.FORK, Map.of("LD_PRELOAD", "/x.so")), true), "preload");
    WorkerSpec venv = spec("h.py", Optional.of(Path.of("/venv/bin/python")), List.of());
    assertFalse(spawnRequest.forks(venv, true), "another interpreter");
    WorkerSpec packages = spec("h.py", Optional.empty(), List.of(Path.of("/packages")));
    assertFalse(spawnRequest.forks(packages, true), "installed requirements");
  }

  @Test
  public void theRequestsVariablesWinAndBlockedAndSecretOnesAreGone() {
    Map<String, String> environment =
        spawnRequest.environment(
            spec(WorkerStart.FORK, Map.of("PATH", "/other", "MY_TOKEN", "wanted")));
    assertEquals(environment.get("PATH"), "/other");
    assertEquals(environment.get("MY_TOKEN"), "wanted", "set by the model, not inherited");
    assertFalse(environment.containsKey("KEY"));
    assertEquals(environment.get("TS_DECODE_INPUT_REQUEST"), "false");
    assertEquals(environment.get("TS_IPEX_ENABLE"), "true");
    assertEquals(environment.get("TS_REQUEST_SEQUENCE_END"), "seq-end");
    assertEquals(environment.get("TS_JSON_NAN"), "null");
    assertEquals(environment.get("TS_MAX_IMAGE_PIXELS"), "5000");
    assertFalse(spawnRequest.environment(spec()).containsKey("MY_TOKEN"));
  }

  @DataProvider
  Object[][] visibleGpus() {
    return new Object[][] {
      {Map.of(), List.of(2, 3), "2,3"},
      {Map.of("CUDA_VISIBLE_DEVICES", "4, 5,GPU-8a,MIG-1"), List.of(1, 2), "5,GPU-8a"},
      {Map.of("CUDA_VISIBLE_DEVICES", "7"), List.of(), "7"},
    };
  }

  @Test(dataProvider = "visibleGpus")
  public void processOfAGroupSeesItsGpusByTheNamesThatTheServerInherited(
      Map<String, String> inherited, List<Integer> gpus, String visible) {
    SpawnRequest request = new SpawnRequest(settings(inherited), "Linux");
    assertEquals(request.environment(spec(gpus)).get("CUDA_VISIBLE_DEVICES"), visible);
  }

  @DataProvider
  Object[][] handlers() {
    return new Object[][] {
      {"image_classifier", List.of()},
      {"handler.py", List.of()},
      {"module:function", List.of()},
      {"src/handler.py", List.of("/models/digits/src")},
      {"src/deep/module:function", List.of("/models/digits/src/deep")},
      {"/opt/handlers/h.py:f", List.of("/opt/handlers")},
      {"org/name", List.of()},
    };
  }

  @Test(dataProvider = "handlers")
  public void theHandlersFolderComesFirst(String handler, List<String> first) {
    WorkerSpec spec = spec(handler, Optional.empty(), List.of(Path.of("/packages")));
    List<String> path = SpawnRequest.searchPath(spec, Map.of("PYTHONPATH", "/a::/b"));
    assertEquals(path.subList(0, first.size()), first);
    assertEquals(
        path.subList(first.size(), path.size()),
        List.of("/a", "/b", "/packages", "/models/digits"));
  }

  private static WorkerSettings settings(Map<String, String> inherited) {
    return new WorkerSettings(
        new WorkerSettings.PythonSettings(
            "python3",
            Path.of("/ts"),
            new ProcessEnvironment(inherited, Optional.of(Pattern.compile("MY_.*")), Set.of("KEY")),
            Path.of("/logs/config/imports"),
            WorkerSettings.OwnCores.OFF),
        new WorkerSettings.SocketFolder(Path.of("/tmp"), true),
        new WorkerSettings.HandlerSettings(
            new WorkerSettings.HandlerSwitches(false, true, true, false, 5000, "null", true),
            new SequenceHeaders("seq-id", "seq-start", "seq-end"),
            Optional.empty()),
        new WorkerSettings.BodyLimits(1000, 1000));
  }

  private static WorkerSpec spec() {
    return spec(WorkerStart.FORK, Map.of());
  }

  private static WorkerSpec spec(List<Integer> gpus) {
    return spec("handler.py", Optional.empty(), List.of(), WorkerStart.FORK, Map.of(), gpus);
  }

  private static WorkerSpec spec(WorkerStart start, Map<String, String> environment) {
    return spec("handler.py", Optional.empty(), List.of(), start, environment);
  }

  private static WorkerSpec spec(
      String handler, Optional<Path> interpreter, List<Path> pythonPath) {
    return spec(handler, interpreter, pythonPath, WorkerStart.FORK, Map.of());
  }

  private static WorkerSpec spec(
      String handler,
      Optional<Path> interpreter,
      List<Path> pythonPath,
      WorkerStart start,
      Map<String, String> environment) {
    return spec(handler, interpreter, pythonPath, start, environment, List.of());
  }

  @Test
  public void workerOfSeveralProcessesIsStartedByTorchrunAtAPortOfItsOwn() {
    WorkerSpec one =
        spec("handler.py", Optional.empty(), List.of(), WorkerStart.FORK, Map.of(), List.of(2, 3));
    WorkerSpec spec =
        new WorkerSpec(
            one.workerId(),
            one.model(),
            one.gpus(),
            one.process(),
            Optional.of(
                new WorkerSpec.RankGroup(
                    ParallelType.TENSOR, 2, new Torchrun(1, 3, OptionalInt.of(5)))),
            one.startupTimeout());
    List<String> prefix =
        RankLauncher.prefix(
            spec, spec.ranks().orElseThrow(), Path.of("/site/ts"), Path.of("/private/ranks"));
    assertEquals(
        String.join(" ", prefix),
        "/site/ts/_ranks/launch.py --nnodes 1 --nproc-per-node 2 --rdzv-id digits_9000"
            + " --max-restarts 0 --log-dir /private/ranks --monitor-interval 5");
    assertEquals(
        RankLauncher.environment(spec.ranks().orElseThrow()), Map.of("OMP_NUM_THREADS", "3"));
  }

  private static WorkerSpec spec(
      String handler,
      Optional<Path> interpreter,
      List<Path> pythonPath,
      WorkerStart start,
      Map<String, String> environment,
      List<Integer> gpus) {
    return new WorkerSpec(
        9000,
        new WorkerSpec.Model(
            new VersionId("digits", "1.0"), MODEL, handler, Optional.empty(), 1, false, false),
        new WorkerSpec.Gpus(OptionalInt.empty(), gpus),
        new WorkerSpec.PythonProcess(
            environment,
            pythonPath,
            interpreter,
            start,
            OptionalInt.empty(),
            OptionalInt.empty(),
            Optional.empty()),
        Optional.empty(),
        Duration.ofSeconds(1));
  }
}
