package org.tsnext.worker.process;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.Outgoing;

/** Decides how a worker process is started and makes its SPAWN message. */
public final class SpawnRequest {

  private static final String PYTHONPATH = "PYTHONPATH";
  private static final String LD_PRELOAD = "LD_PRELOAD";
  private static final String VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES";

  private final WorkerSettings settings;
  private final boolean osForks;

  public SpawnRequest(WorkerSettings settings) {
    this(settings, System.getProperty("os.name"));
  }

  SpawnRequest(WorkerSettings settings, String osName) {
    this.settings = settings;
    // Forking after frameworks of macOS were loaded crashes the child.
    this.osForks = !osName.toLowerCase(Locale.ROOT).startsWith("mac");
  }

  /**
   * The body of SPAWN.
   *
   * @param address where the worker dials in
   * @param canFork whether the zygote said that it can; true if it has not spoken yet
   */
  public Outgoing.Json of(SpawnedWorker worker, String address, boolean canFork) {
    WorkerSpec spec = worker.spec();
    Map<String, String> environment = environment(spec);
    JsonObject json = new JsonObject();
    json.addProperty("worker", Integer.toString(spec.workerId()));
    json.addProperty("start", forks(spec, canFork) ? "fork" : "spawn");
    json.addProperty(
        "python",
        spec.process().interpreter().map(Path::toString).orElse(settings.python().interpreter()));
    JsonArray prefix = new JsonArray();
    spec.ranks()
        .map(ranks -> rankPrefix(spec, ranks))
        .ifPresent(words -> words.forEach(prefix::add));
    json.add("prefix", prefix);
    JsonObject variables = new JsonObject();
    environment.forEach(variables::addProperty);
    json.add("env", variables);
    json.addProperty("cwd", spec.model().directory().toString());
    JsonArray path = new JsonArray();
    searchPath(spec, environment).forEach(path::add);
    json.add("path", path);
    json.addProperty("address", address);
    json.addProperty("secret", worker.secret());
    spec.process().threads().ifPresent(threads -> json.addProperty("threads", threads));
    spec.process()
        .templateId()
        .ifPresent(
            templateId -> {
              json.addProperty("parent", templateId);
              json.add("load", LoadMessage.fields(spec, settings));
            });
    if (forks(spec, canFork)) {
      spec.process().imports().ifPresent(imports -> json.add("imports", imports(spec, imports)));
    }
    return new Outgoing.Json(FrameType.SPAWN, worker.id(), json.toString());
  }

  private List<String> rankPrefix(WorkerSpec spec, WorkerSpec.RankGroup ranks) {
    return RankLauncher.prefix(spec, ranks, settings.python().packageDirectory(), logFolder());
  }

  private JsonObject imports(WorkerSpec spec, WorkerSpec.TemplateImports imports) {
    JsonObject json = new JsonObject();
    json.addProperty("version", imports.versionId());
    json.addProperty("handler", spec.model().handler());
    spec.model().envelope().ifPresent(envelope -> json.addProperty("envelope", envelope));
    if (imports.names().isPresent()) {
      JsonArray names = new JsonArray();
      imports.names().get().forEach(names::add);
      json.add("names", names);
    } else {
      json.addProperty("history", settings.python().importHistory().toString());
    }
    return json;
  }

  /**
   * Whether the worker, or the template process of which it is a fork, can be a copy of the zygote,
   * whose modules are loaded already.
   */
  boolean forks(WorkerSpec spec, boolean canFork) {
    return canFork
        && osForks
        && spec.ranks().isEmpty()
        && spec.process().start() == WorkerStart.FORK
        && spec.process().interpreter().isEmpty()
        && spec.process().pythonPath().isEmpty()
        && !spec.process().environment().containsKey(LD_PRELOAD);
  }

  /** Where torchrun may keep what it has of its runs; it goes with the server's private folder. */
  private Path logFolder() {
    return settings.socket().temporaryDirectory().resolve("ranks");
  }

  /** All variables of the worker. */
  Map<String, String> environment(WorkerSpec spec) {
    Map<String, String> variables = new TreeMap<>(settings.python().environment().allowed());
    WorkerSettings.HandlerSwitches switches = settings.handlers().switches();
    Map<String, String> ours = new TreeMap<>();
    ours.put("TS_DECODE_INPUT_REQUEST", Boolean.toString(switches.decodeInputRequest()));
    ours.put("TS_IPEX_ENABLE", Boolean.toString(switches.ipexEnable()));
    ours.put("TS_IPEX_GPU_ENABLE", Boolean.toString(switches.ipexGpuEnable()));
    ours.put("TS_MAX_IMAGE_PIXELS", Integer.toString(switches.maxImagePixels()));
    ours.put("TS_JSON_NAN", switches.jsonNan());
    ours.put("TS_TIMES_OF_EACH_CALL", Boolean.toString(switches.timesOfEachCall()));
    ours.put(WorkerSpec.OWN_CORES, Boolean.toString(settings.python().cores().enabled()));
    ours.put("TS_CPU_LAUNCHER_ARGS", settings.python().cores().words());
    ours.put("TS_REQUEST_SEQUENCE_ID", settings.handlers().sequenceHeaders().id());
    ours.put("TS_REQUEST_SEQUENCE_START", settings.handlers().sequenceHeaders().start());
    ours.put("TS_REQUEST_SEQUENCE_END", settings.handlers().sequenceHeaders().end());
    ours.keySet().removeIf(settings.python().environment()::isBlocked);
    variables.putAll(ours);
    spec.ranks().ifPresent(ranks -> variables.putAll(RankLauncher.environment(ranks)));
    variables.putAll(spec.process().environment());
    if (!spec.gpus().visible().isEmpty()) {
      String inherited = variables.getOrDefault(VISIBLE_GPUS, "");
      variables.put(VISIBLE_GPUS, visibleGpus(spec.gpus().visible(), inherited));
    }
    return variables;
  }

  /**
   * The names of GPUs for the driver.
   *
   * @param gpus as the server counts those that it may use itself
   * @param inherited what the server may use, between commas; empty for all
   */
  private static String visibleGpus(List<Integer> gpus, String inherited) {
    String[] names = inherited.strip().split("\\s*,\\s*", -1);
    return gpus.stream()
        .map(gpu -> inherited.isBlank() || gpu >= names.length ? String.valueOf(gpu) : names[gpu])
        .collect(Collectors.joining(","));
  }

  /** What comes first when the worker imports. */
  static List<String> searchPath(WorkerSpec spec, Map<String, String> environment) {
    List<String> path = new ArrayList<>();
    handlerFolder(spec).map(Path::toString).ifPresent(path::add);
    for (String entry : environment.getOrDefault(PYTHONPATH, "").split(File.pathSeparator, -1)) {
      if (!entry.isEmpty()) {
        path.add(entry);
      }
    }
    spec.process().pythonPath().forEach(entry -> path.add(entry.toString()));
    path.add(spec.model().directory().toString());
    return path.stream().distinct().toList();
  }

  /** The folder in a handler such as {@code folder/module:function} or {@code folder/file.py}. */
  private static Optional<Path> handlerFolder(WorkerSpec spec) {
    String handler = spec.model().handler();
    int colon = handler.lastIndexOf(':');
    String file = colon < 0 ? handler : handler.substring(0, colon);
    int slash = file.lastIndexOf('/');
    if (slash < 0 || (colon < 0 && !file.endsWith(".py"))) {
      return Optional.empty();
    }
    String folder = slash == 0 ? "/" : file.substring(0, slash);
    return Optional.of(spec.model().directory().resolve(folder).normalize());
  }
}
