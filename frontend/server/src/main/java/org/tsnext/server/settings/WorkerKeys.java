package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.matching;
import static org.tsnext.server.settings.SettingTypes.oneOf;
import static org.tsnext.server.settings.SettingTypes.regex;
import static org.tsnext.server.settings.SettingTypes.seconds;
import static org.tsnext.server.settings.SettingTypes.text;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/** Keys of workers, queues, devices and sequences. */
public final class WorkerKeys {
  private static final int MAX_COUNT = 1_000_000;
  private static final int MAX_PORT = 65535;

  public static final SettingKey<Integer> DEFAULT_WORKERS_PER_MODEL =
      SettingKey.of(
              "default_workers_per_model",
              integer(0, MAX_COUNT),
              "Workers of a model at start that says nothing itself; 0 takes the number of GPUs, or"
                  + " of CPUs without any. Also the default of initial_workers in the register API,"
                  + " where 0 is none.")
          .withDefault("0");
  public static final SettingKey<Duration> DEFAULT_RESPONSE_TIMEOUT =
      SettingKey.of(
              "default_response_timeout",
              seconds(1),
              "How long a worker may take to respond, in seconds; then it is replaced.")
          .withDefault("120");
  public static final SettingKey<Duration> DEFAULT_STARTUP_TIMEOUT =
      SettingKey.of(
              "default_startup_timeout",
              seconds(1),
              "How long a worker may take to start and load its model, in seconds.")
          .withDefault("120");
  public static final SettingKey<Duration> UNREGISTER_MODEL_TIMEOUT =
      SettingKey.of(
              "unregister_model_timeout",
              seconds(0),
              "How long the workers of a model that is removed may finish what they run, in"
                  + " seconds.")
          .withDefault("120");
  public static final SettingKey<Duration> SHUTDOWN_DRAIN_TIMEOUT =
      SettingKey.of(
              "shutdown_drain_timeout",
              seconds(0),
              "How long a server that stops finishes what is in flight, in seconds.")
          .withDefault("30");
  public static final SettingKey<Duration> SHUTDOWN_DELAY =
      SettingKey.of(
              "shutdown_delay_sec",
              seconds(0),
              "How long a server that stops still takes connections and requests, in seconds, before"
                  + " it finishes what is in flight. It is not ready (/ready) from the first moment, so"
                  + " that load balancers can take note.")
          .withDefault("0");
  public static final SettingKey<Integer> JOB_QUEUE_SIZE =
      SettingKey.of(
              "job_queue_size",
              integer(1, MAX_COUNT),
              "Requests that may wait per model version; more are rejected with 503.")
          .withDefault("100");
  public static final SettingKey<Integer> NUMBER_OF_GPU =
      SettingKey.of(
          "number_of_gpu", integer(0, 1024), "GPUs to use at most; all that are found if empty.");
  public static final SettingKey<String> WORKER_TRANSPORT =
      SettingKey.of(
          "worker_transport",
          oneOf("unix", "tcp"),
          "How workers are connected: unix (a socket in a private folder) or tcp (loopback). Empty"
              + " takes unix wherever there is native I/O.");
  public static final SettingKey<Integer> INITIAL_WORKER_PORT =
      SettingKey.of(
              "initial_worker_port",
              integer(1, MAX_PORT),
              "The first worker's id. (It was a port in TorchServe 0.12.)")
          .withDefault("9000");
  public static final SettingKey<Integer> INITIAL_DISTRIBUTION_PORT =
      SettingKey.of(
              "initial_distribution_port",
              integer(1, MAX_PORT),
              "The first port of models that spread over several processes, in TorchServe 0.12. Here"
                  + " each worker takes a free port.")
          .withDefault("29500")
          .noEffect("each worker of several processes takes a free port");
  public static final SettingKey<Pattern> BLACKLIST_ENV_VARS =
      SettingKey.of(
          "blacklist_env_vars",
          regex(),
          "Regular expression; environment variables whose name matches it as a whole are hidden"
              + " from workers.");
  public static final SettingKey<Boolean> DECODE_INPUT_REQUEST =
      SettingKey.of(
              "decode_input_request",
              bool(),
              "Whether workers decode JSON bodies to objects and text bodies to strings before a"
                  + " handler sees them.")
          .withDefault("true");
  public static final SettingKey<Boolean> LIMIT_MAX_IMAGE_PIXELS =
      SettingKey.of(
              "limit_max_image_pixels",
              bool(),
              "Whether images have a limit of pixels in vision handlers (max_image_pixels).")
          .withDefault("true");
  public static final SettingKey<Integer> MAX_IMAGE_PIXELS =
      SettingKey.of(
              "max_image_pixels",
              integer(1, Integer.MAX_VALUE),
              "Pixels of an image (width times height) that vision handlers decode at most; larger"
                  + " ones are rejected with 400. A model may say another limit in its"
                  + " model-config.yaml.")
          .withDefault("100000000");
  public static final SettingKey<String> JSON_NAN =
      SettingKey.of(
              "json_nan",
              oneOf("error", "null", "literal"),
              "What becomes of NaN and Infinity in answers that are JSON, which cannot express"
                  + " them: an error (500) that names the place, null, or the words NaN, Infinity"
                  + " and -Infinity as TorchServe 0.12 wrote them.")
          .withDefault("error");
  public static final SettingKey<Boolean> IPEX_ENABLE =
      SettingKey.of(
              "ipex_enable",
              bool(),
              "Whether handlers use the Intel extension for PyTorch (TS_IPEX_ENABLE).")
          .withDefault("false");
  public static final SettingKey<Boolean> IPEX_GPU_ENABLE =
      SettingKey.of("ipex_gpu_enable", bool(), "The same for Intel GPUs (TS_IPEX_GPU_ENABLE).")
          .withDefault("false");
  public static final SettingKey<Boolean> CPU_LAUNCHER_ENABLE =
      SettingKey.of(
              "cpu_launcher_enable",
              bool(),
              "Whether each worker has cores of its own, and as many threads. A model may say"
                  + " otherwise (cpuLauncher). See workers.md.")
          .withDefault("false");
  public static final SettingKey<String> CPU_LAUNCHER_ARGS =
      SettingKey.of(
          "cpu_launcher_args",
          text("words"),
          "Which cores workers get, in words of torch.backends.xeon.run_cpu, such as"
              + " --use-logical-cores. See workers.md.");
  public static final SettingKey<Boolean> DEBUG =
      SettingKey.of(
              "debug",
              bool(),
              "Starts no workers, so that one can be attached by hand, in TorchServe 0.12.")
          .withDefault("false")
          .notSupported(
              "workers are not attached by hand; torchserve try runs a model in its own process",
              enabled -> enabled);

  public static final SettingKey<String> SEQUENCE_ID =
      sequenceHeader("id", "ts_request_sequence_id", "carries the id of a sequence");
  public static final SettingKey<String> SEQUENCE_START =
      sequenceHeader("start", "ts_request_sequence_start", "marks the start of a sequence");
  public static final SettingKey<String> SEQUENCE_END =
      sequenceHeader("end", "ts_request_sequence_end", "marks the end of a sequence");

  static final List<SettingKey<?>> ALL =
      List.of(
          DEFAULT_WORKERS_PER_MODEL,
          DEFAULT_RESPONSE_TIMEOUT,
          DEFAULT_STARTUP_TIMEOUT,
          UNREGISTER_MODEL_TIMEOUT,
          SHUTDOWN_DRAIN_TIMEOUT,
          SHUTDOWN_DELAY,
          JOB_QUEUE_SIZE,
          NUMBER_OF_GPU,
          WORKER_TRANSPORT,
          INITIAL_WORKER_PORT,
          INITIAL_DISTRIBUTION_PORT,
          BLACKLIST_ENV_VARS,
          DECODE_INPUT_REQUEST,
          LIMIT_MAX_IMAGE_PIXELS,
          MAX_IMAGE_PIXELS,
          JSON_NAN,
          IPEX_ENABLE,
          IPEX_GPU_ENABLE,
          CPU_LAUNCHER_ENABLE,
          CPU_LAUNCHER_ARGS,
          DEBUG,
          SEQUENCE_ID,
          SEQUENCE_START,
          SEQUENCE_END);

  private WorkerKeys() {}

  private static SettingKey<String> sequenceHeader(String which, String header, String meaning) {
    return SettingKey.of(
            "ts_header_key_sequence_" + which,
            matching("the name of an HTTP header", "[A-Za-z0-9!#$%&'*+.^_`|~-]+"),
            "The request header that " + meaning + ".")
        .withDefault(header);
  }
}
