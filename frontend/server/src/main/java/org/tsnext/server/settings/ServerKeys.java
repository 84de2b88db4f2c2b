package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.compatibility;
import static org.tsnext.server.settings.SettingTypes.existingDirectory;
import static org.tsnext.server.settings.SettingTypes.existingFile;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.oneOf;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.seconds;
import static org.tsnext.server.settings.SettingTypes.text;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.server.settings.SettingKey.EnvironmentForm.Gate;

/** Keys of metrics, logging and the server itself. */
public final class ServerKeys {
  public static final SettingKey<Path> METRICS_CONFIG =
      SettingKey.of(
          "metrics_config",
          existingFile(),
          "YAML file with the definitions of metrics; the one inside the package ts if empty.");
  public static final SettingKey<String> METRICS_MODE =
      SettingKey.of(
              "metrics_mode",
              oneOf("log", "prometheus", "legacy"),
              "What of the metrics is written to logs, beside what /metrics shows, which is all in each"
                  + " mode: log writes them to ts_metrics.log and model_metrics.log, legacy leaves the"
                  + " three counters ts_inference_requests_total, ts_inference_latency_microseconds"
                  + " and ts_queue_latency_microseconds out, prometheus writes none.")
          .withDefault("log");
  public static final SettingKey<Boolean> MODEL_METRICS_AUTO_DETECT =
      SettingKey.of(
              "model_metrics_auto_detect",
              bool(),
              "Whether metrics of handlers that metrics_config does not declare are kept, with the type,"
                  + " unit and dimensions of the first value. Otherwise they are left out, which is"
                  + " logged once per metric.")
          .withDefault("false");
  public static final SettingKey<Integer> METRICS_MAX_SERIES =
      SettingKey.of(
              "metrics_max_series",
              integer(1, 1_000_000),
              "Most combinations of label values of one metric. Values for others are left out and"
                  + " counted by ts_metric_values_dropped_total.")
          .withDefault("1000");
  public static final SettingKey<Boolean> SERVER_TIMING =
      SettingKey.of(
              "server_timing",
              bool(),
              "Whether every response of a model tells in the header Server-Timing (gRPC: in trailing"
                  + " metadata) how long the request waited, how long its handler ran and what the"
                  + " rest took. Otherwise a client with a token gets it that sends"
                  + " X-TS-Server-Timing: 1.")
          .withDefault("false");
  public static final SettingKey<Boolean> DISABLE_SYSTEM_METRICS =
      SettingKey.of(
              "disable_system_metrics",
              bool(),
              "Whether to look neither at the machine nor at workers: no CPUUtilization, MemoryUsed,"
                  + " DiskUsage, GPUUtilization and so on, and 0 as memoryUsage in descriptions of"
                  + " models.")
          .withDefault("false");
  public static final SettingKey<String> SYSTEM_METRICS_CMD =
      SettingKey.of(
              "system_metrics_cmd",
              text("words"),
              "Words after the Python interpreter that make a command of your own, which collects"
                  + " metrics of the machine and the memory of workers in place of the server. Empty:"
                  + " the server reads them itself.")
          .fileOnly();
  public static final SettingKey<Duration> METRIC_TIME_INTERVAL =
      SettingKey.of(
              "metric_time_interval",
              seconds(1),
              "Time between two looks at the machine, in seconds. Workers are looked at every 5"
                  + " seconds, if this is not shorter.")
          .withDefault("60")
          .fileOnly();
  public static final SettingKey<Boolean> CONSOLE =
      SettingKey.of(
          "console",
          bool(),
          "Whether a server in the background writes its logs to the standard output of its start as"
              + " well, for the torchserve command. Empty: where that is the container's, the same file"
              + " as process 1's. A server in the foreground always does.");
  public static final SettingKey<Boolean> ASYNC_LOGGING =
      SettingKey.of("async_logging", bool(), "Whether logs are written by a thread of their own.")
          .withDefault("true")
          .noEffect("logs are always written by a thread of their own");
  public static final SettingKey<Path> CPP_LOG_CONFIG =
      SettingKey.of("cpp_log_config", path(), "Log configuration of C++ workers.")
          .notSupported("there is no C++ backend; docs/plug-ins.md has what replaces it");

  public static final SettingKey<Compatibility> COMPATIBILITY =
      SettingKey.of(
              "compatibility",
              compatibility(),
              "0.12 for the answers of TorchServe 0.12 where they differ and nothing is less safe by"
                  + " it: statuses, texts, defaults of other settings; docs/compatibility.md has"
                  + " each. A setting that is given is never changed.")
          .withDefault(Compatibility.NEXT.setting())
          .withEnvironment("TS_COMPATIBILITY", Gate.ALWAYS);
  public static final SettingKey<Path> MODEL_SERVER_HOME =
      SettingKey.of(
              "model_server_home",
              existingDirectory(),
              "The directory above the Python package ts; the torchserve command fills it in, and"
                  + " nothing else counts then.")
          // A variable left over from another installation must not put its Python under our Java.
          .withEnvironment("TS_MODEL_SERVER_HOME", Gate.WITHOUT_OPTION);
  public static final SettingKey<String> PYTHON =
      SettingKey.of(
              "python",
              text("a Python interpreter"),
              "The Python that workers run on; the torchserve command fills in its own.")
          .withDefault("python")
          .fileOnly();
  public static final SettingKey<Boolean> ENABLE_ENVVARS_CONFIG =
      SettingKey.of(
              "enable_envvars_config",
              bool(),
              "Whether environment variables TS_<KEY> override the file and the command line. It"
                  + " can only be set in the file.")
          .withDefault("false")
          .fileOnly();
  public static final SettingKey<String> VMARGS =
      SettingKey.of(
              "vmargs",
              text("words"),
              "Options of the Java virtual machine, for the torchserve command, which starts it.")
          .fileOnly();
  public static final SettingKey<String> PLUGINS_PATH =
      SettingKey.of("plugins_path", text("a path"), "Where plug-ins lie.")
          .fileOnly()
          .notSupported("there are no plug-ins; docs/plug-ins.md has what replaces them");
  public static final SettingKey<String> VERSION =
      SettingKey.of("version", text("a version"), "Written into snapshots by TorchServe 0.12.")
          .fileOnly()
          .noEffect("it only describes a snapshot");
  public static final SettingKey<String> TS_CONFIG_FILE =
      SettingKey.of("tsConfigFile", text("a path"), "Written into snapshots by TorchServe 0.12.")
          .fileOnly()
          .noEffect("it only describes a snapshot");
  public static final SettingKey<String> NUM_WORKERS =
      SettingKey.of("NUM_WORKERS", text("a number"), "Known from examples of TorchServe 0.12.")
          .fileOnly()
          .noEffect("TorchServe 0.12 did not read it either; see default_workers_per_model");

  static final List<SettingKey<?>> METRICS_AND_LOGS =
      List.of(
          METRICS_CONFIG,
          METRICS_MODE,
          MODEL_METRICS_AUTO_DETECT,
          METRICS_MAX_SERIES,
          SERVER_TIMING,
          DISABLE_SYSTEM_METRICS,
          SYSTEM_METRICS_CMD,
          METRIC_TIME_INTERVAL,
          CONSOLE,
          ASYNC_LOGGING,
          CPP_LOG_CONFIG);
  static final List<SettingKey<?>> SERVER =
      List.of(
          COMPATIBILITY,
          MODEL_SERVER_HOME,
          PYTHON,
          ENABLE_ENVVARS_CONFIG,
          VMARGS,
          PLUGINS_PATH,
          VERSION,
          TS_CONFIG_FILE,
          NUM_WORKERS);

  private ServerKeys() {}
}
