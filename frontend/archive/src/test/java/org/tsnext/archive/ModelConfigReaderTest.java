package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException.Reason;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.WorkerStart;

/** What a model-config.yaml says, and which ones are refused. */
public class ModelConfigReaderTest {

  private final ModelConfigReader reader = new ModelConfigReader();

  private ModelConfig parse(String yaml) throws ArchiveException {
    return reader.parse(yaml, "model-config.yaml");
  }

  private String refusal(String yaml) {
    ArchiveException e = expectThrows(ArchiveException.class, () -> parse(yaml));
    assertEquals(e.reason(), Reason.INVALID);
    return e.getMessage();
  }

  @Test
  public void everyKeyIsRead() throws ArchiveException {
    ModelConfig config =
        parse(
            """
            minWorkers: 2
            maxWorkers: 3
            batchSize: 4
            maxBatchDelay: 5
            responseTimeout: 6
            startupTimeout: 7
            deviceType: gpu
            deviceIds: [0, 2]
            cpuLauncher: true
            parallelType: pptp
            parallelLevel: 8
            useJobTicket: true
            maxRetryTimeoutInSec: 9
            clientTimeoutInMills: 10
            jobQueueSize: 11
            continuousBatching: true
            sequenceBatching: true
            asyncCommunication: true
            concurrency: 17
            useVenv: true
            sequenceMaxIdleMSec: 12
            sequenceTimeoutMSec: 13
            maxNumSequence: 14
            maxSequenceJobQueueSize: 15
            retryOnWorkerDeath: false
            maxFailuresInRow: 16
            workerStart: spawn
            preloadModel: true
            templateImports: [torchvision.ops, _x9]
            servedModelName: [served/one, two, served/one]
            warmup: [kitten.jpg, {body: {text: hello}, repeat: 2}]
            handler:
              profile: true
            """);
    assertEquals(
        config,
        new ModelConfig(
            new ModelConfig.Workers(
                OptionalInt.of(2),
                OptionalInt.of(3),
                WorkerStart.SPAWN,
                true,
                Optional.of(List.of("torchvision.ops", "_x9")),
                true,
                16),
            new ModelConfig.Batching(
                OptionalInt.of(4),
                Optional.of(Duration.ofMillis(5)),
                false,
                true,
                true,
                OptionalInt.of(17)),
            new ModelConfig.Timeouts(
                Optional.of(Duration.ofSeconds(6)),
                Optional.of(Duration.ofSeconds(7)),
                Optional.of(Duration.ofSeconds(9)),
                Optional.of(Duration.ofMillis(10))),
            new ModelConfig.Devices(
                Optional.of(DeviceType.GPU),
                List.of(0, 2),
                Optional.of(ParallelType.PIPELINE_TENSOR),
                8,
                ModelConfig.Torchrun.DEFAULT,
                Optional.of(true)),
            new ModelConfig.Requests(
                new ModelConfig.Queue(OptionalInt.of(11), true, false),
                new ModelConfig.Sequences(
                    true, Duration.ofMillis(12), Duration.ofMillis(13), 14, 15),
                List.of("served/one", "two"),
                new ModelConfig.Warmup(2, List.of("kitten.jpg"))),
            new ModelConfig.Findings(List.of(), List.of())));
  }

  @Test
  public void emptyFileSetsNothing() throws ArchiveException {
    for (String yaml : List.of("", "\n", "# only a comment", "---", "batchSize:", "{}", "~")) {
      assertEquals(parse(yaml), ModelConfig.none(), yaml);
    }
  }

  @Test
  public void batchDelayMayBeAdaptive() throws ArchiveException {
    ModelConfig config = parse("maxBatchDelay: Adaptive");
    assertTrue(config.batching().adaptiveDelay());
    assertEquals(config.batching().maxDelay(), Optional.empty());
    assertFalse(parse("maxBatchDelay: 5").batching().adaptiveDelay());
  }

  @Test
  public void batchDelayOfZeroIsAValue() throws ArchiveException {
    assertEquals(parse("maxBatchDelay: 0").batching().maxDelay(), Optional.of(Duration.ZERO));
  }

  @Test
  public void queueSizeOfZeroIsTheServersOwn() throws ArchiveException {
    assertEquals(parse("jobQueueSize: 0").queue().capacity(), OptionalInt.empty());
  }

  @DataProvider
  public Object[][] wrongValues() {
    String whole = "expected a whole number from 1 to 2147483647, not quoted";
    return new Object[][] {
      {"batchSize: '4'", "batchSize is '4', " + whole},
      {"batchSize: 4.0", "batchSize is 4.0, " + whole},
      {"concurrency: 0", "concurrency is 0, expected a whole number from 1 to 1024"},
      {"concurrency: 1025", "concurrency is 1025, expected a whole number from 1 to 1024"},
      {
        "concurrency: many",
        "concurrency is 'many', expected a whole number from 1 to 1024, not quoted"
      },
      {"batchSize: true", "batchSize is true, " + whole},
      {"batchSize: 2147483648", "batchSize is 2147483648, " + whole},
      {"batchSize: 99999999999999999999", "batchSize is 99999999999999999999, " + whole},
      {"batchSize: [1]", "batchSize is a list, " + whole},
      {"minWorkers: 1.5", "minWorkers is 1.5, " + whole},
      {"responseTimeout: 5s", "responseTimeout is '5s', " + whole},
      {
        "maxBatchDelay: quick",
        "maxBatchDelay is 'quick', expected a whole number from 0 to 2147483647, not quoted, or adaptive"
      },
      {"useVenv: 'true'", "useVenv is 'true', expected true or false"},
      {
        "templateImports: some",
        "templateImports is 'some', expected auto, off or a list of names of Python modules"
      },
      {
        "templateImports: [a.b, 'c d']",
        "templateImports is 'c d', expected in its list names of Python modules, such as"
            + " torchvision.ops"
      },
      {"useJobTicket: 1", "useJobTicket is 1, expected true or false"},
      {"deviceType: 1", "deviceType is 1, expected one of cpu, gpu"},
      {"parallelType: dp", "parallelType is 'dp', expected one of pp, tp, pptp, custom"},
      {"workerStart: 1", "workerStart is 1, expected one of fork, spawn"},
      {"deviceIds: 1", "deviceIds is 1, expected a list of whole numbers"},
      {
        "deviceIds: [0, x]",
        "deviceIds is 'x', expected a whole number from 0 to 2147483647, not quoted"
      },
      {"torchrun: 4", "torchrun is 4, expected a map"},
      {
        "torchrun: {nproc-per-node: gpu}",
        "torchrun.nproc-per-node is 'gpu', expected a whole number from 1 to 256, not quoted"
      },
      {
        "torchrun: {nproc-per-node: 1000}",
        "torchrun.nproc-per-node is 1000, expected a whole number from 1 to 256"
      },
      {"parallelLevel: 257", "parallelLevel is 257, expected a whole number from 0 to 256"},
      {
        "torchrun: {monitor-interval: 0}",
        "torchrun.monitor-interval is 0, expected a whole number from 1 to 3600"
      },
    };
  }

  @Test(dataProvider = "wrongValues")
  public void wrongValueIsRefusedWithKeyValueAndWant(String yaml, String message) {
    assertEquals(refusal(yaml), "model-config.yaml: " + message);
  }

  @DataProvider
  public Object[][] corrected() {
    return new Object[][] {
      {"minWorkers: 0", "minWorkers is 0, expected 1 or more; 1 is taken", "minWorkers: 1"},
      {"batchSize: -1", "batchSize is -1, expected 1 or more; 1 is taken", "batchSize: 1"},
      {"maxNumSequence: 0", "maxNumSequence is 0, expected 1 or more; 1 is taken", ""},
      {
        "maxSequenceJobQueueSize: 0",
        "maxSequenceJobQueueSize is 0, expected 1 or more; 1 is taken",
        ""
      },
      {
        "minWorkers: 2\nmaxWorkers: -1",
        "maxWorkers is -1, expected 1 or more; it is ignored",
        "minWorkers: 2"
      },
      {"maxBatchDelay: -1", "maxBatchDelay is -1, expected 0 or more; it is ignored", ""},
      {"responseTimeout: 0", "responseTimeout is 0, expected 1 or more; it is ignored", ""},
      {"startupTimeout: -5", "startupTimeout is -5, expected 1 or more; it is ignored", ""},
      {
        "maxRetryTimeoutInSec: -1",
        "maxRetryTimeoutInSec is -1, expected 0 or more; it is ignored",
        ""
      },
      {
        "clientTimeoutInMills: -1",
        "clientTimeoutInMills is -1, expected 0 or more; it is ignored",
        ""
      },
      {"jobQueueSize: -1", "jobQueueSize is -1, expected 0 or more; it is ignored", ""},
      {"deviceType: neuron", "deviceType is 'neuron', expected one of cpu, gpu; it is ignored", ""},
      {"deviceIds: [0, -1]", "deviceIds is -1, expected 0 or more; the whole list is ignored", ""},
    };
  }

  /** Archives that TorchServe 0.12 took stay models. */
  @Test(dataProvider = "corrected")
  public void numberThatIsTooSmallIsTakenAsIn012AndReported(String yaml, String said, String sameAs)
      throws ArchiveException {
    ModelConfig config = parse(yaml);
    assertEquals(ModelConfigWarnings.of(config), List.of("model-config.yaml: " + said));
    ModelConfig same = parse(sameAs);
    assertEquals(config.workers().min(), same.workers().min());
    assertEquals(config.workers().max(), same.workers().max());
    assertEquals(config.batching().size(), same.batching().size());
    assertEquals(config.batching().maxDelay(), same.batching().maxDelay());
    assertEquals(config.timeouts().response(), same.timeouts().response());
    assertEquals(config.timeouts().startup(), same.timeouts().startup());
    assertEquals(config.timeouts().maxRetry(), same.timeouts().maxRetry());
    assertEquals(config.timeouts().client(), same.timeouts().client());
    assertEquals(config.queue().capacity(), same.queue().capacity());
    assertEquals(config.devices().type(), same.devices().type());
    assertEquals(config.devices().ids(), same.devices().ids());
    assertEquals(config.sequences().maxNumber(), same.sequences().maxNumber());
    assertEquals(config.sequences().queueCapacity(), same.sequences().queueCapacity());
  }

  @Test
  public void fewerMaximumThanMinimumWorkersAreRefused() {
    assertEquals(
        refusal("minWorkers: 3\nmaxWorkers: 2"),
        "model-config.yaml: maxWorkers is 2, expected at least minWorkers, which is 3");
  }

  @Test
  public void torchrunSetsTheParallelLevelAndTheLaterKeyWins() throws ArchiveException {
    assertEquals(parse("torchrun: {nproc-per-node: 4}").devices().parallelLevel(), 4);
    assertEquals(parse("torchrun: {nnodes: 1}").devices().parallelLevel(), 1);
    assertEquals(
        parse("torchrun: {nproc-per-node: 4}\nparallelLevel: 2").devices().parallelLevel(), 2);
    assertEquals(
        parse("parallelLevel: 2\ntorchrun: {nproc-per-node: 4}").devices().parallelLevel(), 4);
  }

  @Test
  public void torchrunSaysHowTheProcessesOfAWorkerAreStarted() throws ArchiveException {
    ModelConfig config =
        parse(
            """
            parallelType: tp
            torchrun:
              nproc-per-node: 2
              nnodes: 3
              OMP_NUMBER_THREADS: 4
              monitor-interval: 5
              rdzv-endpoint: localhost:29400
              nproc_per_node: 8
            """);
    assertEquals(config.devices().torchrun(), new ModelConfig.Torchrun(3, 4, OptionalInt.of(5)));
    assertEquals(config.devices().ranks(), 2);
    List<String> warnings = ModelConfigWarnings.of(config);
    assertEquals(warnings.size(), 2);
    assertTrue(warnings.get(0).contains("torchrun.rdzv-endpoint has no effect"), warnings.get(0));
    assertTrue(
        warnings.get(1).contains("torchrun.nproc_per_node has no effect, since it is none of"),
        warnings.get(1));
    assertEquals(parse("parallelType: custom\nparallelLevel: 2").devices().ranks(), 0);
  }

  @Test
  public void unknownKeysAreReportedWithTheNearestKnownOne() throws ArchiveException {
    ModelConfig config =
        parse(
            """
            batch_size: 4
            minWorker: 1
            my_own: {a: b}
            7: seven
            pt2: {}
            micro_batching: {}
            pippy: {}
            deepspeed: {}
            dali: {}
            torchrun: {}
            """);
    assertEquals(
        config.findings().unknownKeys(), List.of("batch_size", "minWorker", "my_own", "7"));
    assertEquals(ModelConfigKeys.suggestionFor("batch_size"), Optional.of("batchSize"));
    assertEquals(ModelConfigKeys.suggestionFor("minWorker"), Optional.of("minWorkers"));
    assertEquals(ModelConfigKeys.suggestionFor("respnseTimeout"), Optional.of("responseTimeout"));
    assertEquals(ModelConfigKeys.suggestionFor("my_own"), Optional.empty());
    assertEquals(
        ModelConfigWarnings.of(config),
        List.of(
            "model-config.yaml has the key 'batch_size', which only the handler may know;"
                + " did you mean 'batchSize'?",
            "model-config.yaml has the key 'minWorker', which only the handler may know;"
                + " did you mean 'minWorkers'?",
            "model-config.yaml: parallelLevel (or torchrun) has no effect, since parallelType is"
                + " not set"));
    assertEquals(ModelConfigWarnings.keysOfTheHandler(config), List.of("my_own", "7"));
  }

  @DataProvider
  public Object[][] withoutEffect() {
    return new Object[][] {
      {"maxWorkers: 3", "maxWorkers"},
      {"asyncCommunication: true\nbatchSize: 8", "batchSize"},
      {"asyncCommunication: true\ncontinuousBatching: true", "continuousBatching"},
      {"concurrency: 4\nbatchSize: 8", "batchSize"},
      {"deviceType: cpu\ndeviceIds: [0]", "deviceIds"},
      {"parallelLevel: 2", "parallelLevel (or torchrun)"},
      {"parallelType: tp", "parallelType"},
      {"sequenceMaxIdleMSec: 5", "sequenceMaxIdleMSec"},
      {"sequenceTimeoutMSec: 5", "sequenceTimeoutMSec"},
      {"maxNumSequence: 5", "maxNumSequence"},
      {"maxSequenceJobQueueSize: 5", "maxSequenceJobQueueSize"},
    };
  }

  @Test(dataProvider = "withoutEffect")
  public void keyWithoutEffectBesideTheOthersIsReportedByName(String yaml, String key)
      throws ArchiveException {
    List<String> warnings = ModelConfigWarnings.of(parse(yaml));
    assertEquals(warnings.size(), 1, warnings.toString());
    assertTrue(
        warnings.get(0).startsWith("model-config.yaml: " + key + " has no effect, since "),
        warnings.get(0));
  }

  @Test
  public void templateImportsAreFoundOutUnlessTheyAreNamedOrOff() throws ArchiveException {
    assertEquals(parse("useVenv: true").workers().templateImports(), Optional.empty());
    assertEquals(parse("templateImports: auto").workers().templateImports(), Optional.empty());
    for (String off : List.of("off", "'OFF'", "false", "[]")) {
      assertEquals(
          parse("templateImports: " + off).workers().templateImports(),
          Optional.of(List.of()),
          off);
    }
    assertEquals(
        parse("templateImports: [PIL.Image, größe]").workers().templateImports(),
        Optional.of(List.of("PIL.Image", "größe")));
  }

  @Test
  public void soundConfigurationIsSilent() throws ArchiveException {
    String yaml =
        """
        minWorkers: 1
        maxWorkers: 2
        batchSize: 8
        sequenceBatching: true
        sequenceMaxIdleMSec: 100
        maxNumSequence: 4
        mine: {a: 1}
        """;
    assertEquals(ModelConfigWarnings.of(parse(yaml)), List.of());
  }

  @Test
  public void codeThatAModelBringsIsTold() throws ArchiveException {
    ModelConfig config =
        parse(
            """
            handler:
              trust_remote_code: true
              vllm_engine_config:
                trust_remote_code: true
                worker_cls: my.Worker
                logits_processors: []
            """);
    assertEquals(
        ModelConfigWarnings.of(config).stream().map(line -> line.split(" ", -1)[1]).toList(),
        List.of(
            "handler.trust_remote_code",
            "handler.vllm_engine_config.trust_remote_code",
            "handler.vllm_engine_config.worker_cls"));
    assertEquals(
        ModelConfigWarnings.of(parse("handler: {vllm_engine_config: {trust_remote_code: false}}")),
        List.of());
  }

  /** A key of the table that the reader passed over would take the map in silence. */
  @Test
  public void everyKeyOfTheTableIsReadAndRefusesAMapOfNonsense() {
    for (ModelConfigKeys.Key key : ModelConfigKeys.FRONTEND) {
      String refusal = refusal(key.name() + ": " + wrongValue(key.name()));
      assertTrue(refusal.startsWith("model-config.yaml: " + key.name() + " is a "), refusal);
    }
    assertEquals(ModelConfigKeys.FRONTEND.size(), 32);
  }

  /** Whatever their order in the file. */
  @Test
  public void ofTwoWrongValuesTheFirstOfTheTableIsReported() {
    List<String> keys = ModelConfigKeys.FRONTEND.stream().map(ModelConfigKeys.Key::name).toList();
    for (int first = 0; first < keys.size(); first++) {
      for (int second = first + 1; second < keys.size(); second++) {
        String one = keys.get(first) + ": " + wrongValue(keys.get(first)) + "\n";
        String other = keys.get(second) + ": " + wrongValue(keys.get(second)) + "\n";
        String expected = refusal(one);
        assertEquals(refusal(one + other), expected);
        assertEquals(refusal(other + one), expected);
      }
    }
  }

  private static String wrongValue(String key) {
    return switch (key) {
      case "torchrun" -> "[1]";
      // Another map is left to the handler.
      case "warmup" -> "{file: [nonsense]}";
      default -> "{nonsense: true}";
    };
  }

  @Test
  public void unknownKeysAreFewAndShort() throws ArchiveException {
    StringBuilder yaml = new StringBuilder();
    for (int i = 0; i < 5000; i++) {
      yaml.append("k".repeat(100)).append(i).append(": 1\n");
    }
    assertTrue(parse(yaml.toString()).findings().unknownKeys().size() <= 20);
  }

  @DataProvider
  public Object[][] hostileYaml() {
    StringBuilder laughs = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i < 100; i++) {
      laughs.append("a").append(i).append(": &a").append(i);
      laughs.append(" [*a").append(i - 1).append(", *a").append(i - 1).append("]\n");
    }
    return new Object[][] {
      {laughs.toString()},
      {"a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]"},
      {"a: !!java.io.File ['/tmp/x']"},
      {"!!org.tsnext.archive.Workspace {}"},
      {"[".repeat(1000)},
      {"batchSize: 1\nbatchSize: 2"},
      {"a: 1\n---\nb: 2"},
      {"a: &x {b: *x, ? *x : 1}"},
      {"a: [1\nb: 2"},
      {"\tb: 2"},
      {"a: !!int x"},
      {"a: !!binary '*'"},
      {"? {a: [&k {x: 1}]}\n: *nothing"},
      {"a: \u0000"},
      {"a: !!int " + "9".repeat(900_000)},
      {"a: !!float " + "9".repeat(900_000)},
      {"a: !!timestamp " + "9".repeat(900_000)},
      {"a: !!int 1" + ":1".repeat(400_000)},
    };
  }

  @DataProvider
  public Object[][] longNumbers() {
    return new Object[][] {
      {"9".repeat(900_000)},
      {"0x" + "f".repeat(900_000)},
      {"1" + ":1".repeat(400_000)},
      {"1" + ":1".repeat(400_000) + ".5"},
      {"1." + "9".repeat(900_000)},
      {"2001-01-01T01:01:01." + "1".repeat(900_000)},
    };
  }

  @Test(dataProvider = "longNumbers", timeOut = 60_000)
  public void numbersOfAnyLengthAreReadInLinearTime(String number) throws ArchiveException {
    String refusal = refusal("batchSize: " + number);
    assertTrue(refusal.contains("batchSize is") && refusal.length() < 600, refusal);
    parse("ownKey: " + number);
  }

  @Test(dataProvider = "hostileYaml", timeOut = 60_000)
  public void hostileAndBrokenYamlIsRefusedQuickly(String yaml) {
    assertTrue(refusal(yaml).startsWith("model-config.yaml is not valid YAML"), refusal(yaml));
  }

  @Test
  public void brokenYamlIsRefusedWithItsPlace() {
    assertTrue(refusal("a: 1\nb: [1\nc: 2").contains(", line "), refusal("a: 1\nb: [1\nc: 2"));
  }

  @Test
  public void topLevelMustBeAMap() {
    assertEquals(
        refusal("- batchSize"),
        "model-config.yaml is not a map of keys to values at its top level");
  }

  @Test
  public void manifestDecidesWhichFileIsRead() throws IOException, ArchiveException {
    Path directory = Files.createTempDirectory("tsnext-config-test");
    try {
      Files.writeString(directory.resolve("model-config.yaml"), "batchSize: 2");
      Files.writeString(directory.resolve("own.yaml"), "batchSize: 3");
      ManifestReader manifests = new ManifestReader();
      Manifest named = manifests.parse("{\"model\": {\"configFile\": \"own.yaml\"}}");
      Manifest missing = manifests.parse("{\"model\": {\"configFile\": \"no.yaml\"}}");
      Manifest silent = manifests.parse("{\"model\": {}}");
      assertEquals(reader.read(directory, Optional.empty()).batching().size(), OptionalInt.of(2));
      assertEquals(reader.read(directory, Optional.of(named)).batching().size(), OptionalInt.of(3));
      assertFalse(reader.read(directory, Optional.of(silent)).batching().size().isPresent());
      assertEquals(
          expectThrows(ArchiveException.class, () -> reader.read(directory, Optional.of(missing)))
              .getMessage(),
          "MAR-INF/MANIFEST.json names the configFile 'no.yaml', which is not in the model's"
              + " folder");
    } finally {
      FileTree.delete(directory);
    }
  }
}
