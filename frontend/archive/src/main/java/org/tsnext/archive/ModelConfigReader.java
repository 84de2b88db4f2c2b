package org.tsnext.archive;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ArchiveException.Reason;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.WorkerStart;

/**
 * Reads the frontend's keys of a model-config.yaml. Only plain data is made of it, whatever its
 * tags say. Thread-safe.
 */
public final class ModelConfigReader {

  /** The file that is looked for where no manifest names one. */
  public static final String DEFAULT_FILE = "model-config.yaml";

  private static final String ADAPTIVE = "adaptive";
  private static final int MAX_UNKNOWN_KEYS = 20;

  private static final Map<String, DeviceType> DEVICE_TYPES =
      ordered("cpu", DeviceType.CPU, "gpu", DeviceType.GPU);
  private static final Map<String, WorkerStart> WORKER_STARTS =
      ordered("fork", WorkerStart.FORK, "spawn", WorkerStart.SPAWN);
  private static final Map<String, ParallelType> PARALLEL_TYPES = parallelTypes();

  /**
   * The configuration of the model in {@code directory}: of the file that the manifest names, or,
   * without a manifest, of {@value #DEFAULT_FILE} if there is one.
   *
   * @throws ArchiveException naming the key, its value and what was expected
   */
  public ModelConfig read(Path directory, Optional<Manifest> manifest) throws ArchiveException {
    String name;
    if (manifest.isPresent()) {
      Optional<String> named = manifest.get().files().configFile();
      if (named.isEmpty()) {
        return ModelConfig.none();
      }
      name = named.get();
      if (!Files.isRegularFile(directory.resolve(name))) {
        throw new ArchiveException(
            Reason.INVALID,
            ManifestReader.FILE
                + " names the configFile '"
                + PrintableText.of(name)
                + "', which is not in the model's folder");
      }
    } else {
      name = DEFAULT_FILE;
      if (!Files.isRegularFile(directory.resolve(name))) {
        return ModelConfig.none();
      }
    }
    ModelConfig config =
        parse(BoundedFile.read(directory.resolve(name), PrintableText.of(name)), name);
    requireWarmupFiles(config, directory, name);
    return config;
  }

  private static void requireWarmupFiles(ModelConfig config, Path directory, String name)
      throws ArchiveException {
    for (String file : config.requests().warmup().files()) {
      if (!Files.isRegularFile(directory.resolve(file))) {
        throw new ArchiveException(
            Reason.INVALID,
            "%s: warmup names the file '%s', which is not in the model's folder; pack it with --extra-files"
                .formatted(PrintableText.of(name), PrintableText.of(file)));
      }
    }
  }

  ModelConfig parse(String text, String fileName) throws ArchiveException {
    String file = PrintableText.of(fileName);
    Object document = load(text, file);
    if (document == null) {
      return ModelConfig.none();
    }
    if (!(document instanceof Map<?, ?> map)) {
      throw new ArchiveException(
          Reason.INVALID, file + " is not a map of keys to values at its top level");
    }
    List<String> corrections = new ArrayList<>();
    YamlValues values = new YamlValues(file, "", map, corrections);
    OptionalInt minWorkers = values.raised("minWorkers", 1);
    OptionalInt maxWorkers = values.orUnset("maxWorkers", 1);
    if (minWorkers.isPresent()
        && maxWorkers.isPresent()
        && maxWorkers.getAsInt() < minWorkers.getAsInt()) {
      throw values.refuse(
          "maxWorkers",
          maxWorkers.getAsInt(),
          "at least minWorkers, which is " + minWorkers.getAsInt());
    }
    // In the order of ModelConfigKeys: of several wrong values, the first of the table is reported.
    OptionalInt batchSize = values.raised("batchSize", 1);
    Optional<Duration> maxBatchDelay = values.millisOr(ADAPTIVE, "maxBatchDelay", 0);
    ModelConfig.Timeouts timeouts =
        new ModelConfig.Timeouts(
            values.seconds("responseTimeout", 1),
            values.seconds("startupTimeout", 1),
            values.seconds("maxRetryTimeoutInSec", 0),
            values.millis("clientTimeoutInMills", 0));
    OptionalInt jobQueueSize = values.orUnset("jobQueueSize", 0);
    ModelConfig.Queue queue =
        new ModelConfig.Queue(
            // Zero stands for the server's own setting.
            jobQueueSize.orElse(0) == 0 ? OptionalInt.empty() : jobQueueSize,
            values.flag("useJobTicket", false),
            values.flag("retryOnWorkerDeath", true));
    int maxFailuresInRow =
        values.integer("maxFailuresInRow", 0, ModelConfig.DEFAULT_MAX_FAILURES_IN_ROW);
    Optional<DeviceType> deviceType = values.wordOrUnset("deviceType", DEVICE_TYPES);
    List<Integer> deviceIds = values.integers("deviceIds");
    boolean continuousBatching = values.flag("continuousBatching", false);
    ModelConfig.Sequences sequences =
        new ModelConfig.Sequences(
            values.flag("sequenceBatching", false),
            values.millis("sequenceMaxIdleMSec", 0).orElse(Duration.ZERO),
            values.millis("sequenceTimeoutMSec", 0).orElse(Duration.ZERO),
            values.raised("maxNumSequence", 1).orElse(1),
            values.raised("maxSequenceJobQueueSize", 1).orElse(1));
    boolean asyncCommunication = values.flag("asyncCommunication", false);
    OptionalInt concurrency = concurrency(values);
    boolean useVenv = values.flag("useVenv", false);
    WorkerStart workerStart = values.word("workerStart", WORKER_STARTS).orElse(WorkerStart.FORK);
    boolean preloadModel = values.flag("preloadModel", false);
    Optional<List<String>> templateImports = values.modulesOr("auto", "off", "templateImports");
    Optional<Boolean> ownCores =
        values.has("cpuLauncher")
            ? Optional.of(values.flag("cpuLauncher", false))
            : Optional.empty();
    Optional<ParallelType> parallelType = values.word("parallelType", PARALLEL_TYPES);
    TorchrunSection torchrun = new TorchrunSection(values);
    int parallelLevel = torchrun.parallelLevel();
    List<String> servedNames = ServedNameReader.read(values, "servedModelName");
    ModelConfig.Warmup warmup = WarmupReader.read(values, "warmup");
    corrections.addAll(CodeSwitches.of(file, map));
    return new ModelConfig(
        new ModelConfig.Workers(
            minWorkers,
            maxWorkers,
            workerStart,
            preloadModel,
            templateImports,
            useVenv,
            maxFailuresInRow),
        new ModelConfig.Batching(
            batchSize,
            maxBatchDelay,
            values.isWord("maxBatchDelay", ADAPTIVE),
            continuousBatching,
            asyncCommunication,
            concurrency),
        timeouts,
        new ModelConfig.Devices(
            deviceType, deviceIds, parallelType, parallelLevel, torchrun.read(), ownCores),
        new ModelConfig.Requests(queue, sequences, servedNames, warmup),
        new ModelConfig.Findings(unknownKeys(map), corrections));
  }

  private static OptionalInt concurrency(YamlValues values) throws ArchiveException {
    if (!values.has("concurrency")) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(values.bounded("concurrency", 1, ModelConfig.MAX_CONCURRENCY, 1));
  }

  private static Object load(String text, String file) throws ArchiveException {
    try {
      return SafeYaml.load(text);
    } catch (SafeYaml.InvalidYamlException e) {
      String separator = e.getMessage().startsWith("line ") ? ", " : ": ";
      throw new ArchiveException(
          Reason.INVALID, file + " is not valid YAML" + separator + e.getMessage(), e);
    }
  }

  private static List<String> unknownKeys(Map<?, ?> map) {
    List<String> unknown = new ArrayList<>();
    for (Object key : map.keySet()) {
      boolean known = key instanceof String text && ModelConfigKeys.isKnown(text);
      if (!known && unknown.size() < MAX_UNKNOWN_KEYS) {
        boolean nested = key instanceof Map || key instanceof Iterable;
        unknown.add(nested ? "?" : PrintableText.of(String.valueOf(key)));
      }
    }
    return unknown;
  }

  private static Map<String, ParallelType> parallelTypes() {
    Map<String, ParallelType> words = new LinkedHashMap<>();
    for (ParallelType type : ParallelType.values()) {
      words.put(type.yamlName(), type);
    }
    return words;
  }

  private static <T> Map<String, T> ordered(String key1, T value1, String key2, T value2) {
    Map<String, T> words = new LinkedHashMap<>();
    words.put(key1, value1);
    words.put(key2, value2);
    return words;
  }
}
