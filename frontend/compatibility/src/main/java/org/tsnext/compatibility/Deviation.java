package org.tsnext.compatibility;

import static org.tsnext.compatibility.Area.ABSENT;
import static org.tsnext.compatibility.Area.ACCESS;
import static org.tsnext.compatibility.Area.ARCHIVES;
import static org.tsnext.compatibility.Area.ERRORS;
import static org.tsnext.compatibility.Area.GRPC;
import static org.tsnext.compatibility.Area.HTTP;
import static org.tsnext.compatibility.Area.LIMITS;
import static org.tsnext.compatibility.Area.MANAGEMENT;
import static org.tsnext.compatibility.Area.METRICS;
import static org.tsnext.compatibility.Area.PYTHON;
import static org.tsnext.compatibility.Area.RESPONSES;
import static org.tsnext.compatibility.Area.START;
import static org.tsnext.compatibility.Area.WORKERS;
import static org.tsnext.compatibility.Switched.key;
import static org.tsnext.compatibility.Switched.opens;
import static org.tsnext.compatibility.Switched.row;
import static org.tsnext.compatibility.Switched.stays;

import java.util.Optional;

/**
 * The one table of what was decided otherwise than in TorchServe 0.12: what 0.12 does, what this
 * server does, why, and the setting that brings 0.12's answer back where there is one. The page
 * docs/compatibility.md is written from it, and a change of behaviour that a user of 0.12 can
 * notice is a change of this table.
 */
public enum Deviation {
  // spotless:off: a table, read by rows
  ERROR_DETAIL(ERRORS, "no detail", "`detail` beside `message`: the cause", "shows what to mend",
      key("error_detail=false")),
  TIMEOUT_STATUS(ERRORS, "500 `Worker died.`", "504 `ResponseTimeoutException`",
      "a client can tell a time-out from a fault", row()),
  CLIENT_TIMEOUT_RESPONSE(ERRORS, "no answer when `clientTimeoutInMills` has passed", "504",
      "each request gets one end", stays("a request without an end hangs its client")),
  BODY_TOO_LARGE(ERRORS, "413 or 500 without a JSON body", "413 with a JSON body",
      "a client can read the reason", row()),
  UNHEALTHY_PING(ERRORS, "500 `{\"status\": \"Unhealthy\"}`",
      "also the models that lack workers, and why", "the probe's log names the cause", row()),
  RETRY_AFTER(ERRORS, "no `Retry-After`", "`Retry-After` with a 503 that may pass",
      "clients know when to try again", row()),
  NO_WORKER_TEXT(ERRORS, "one text for no worker, a full queue and a refused sequence",
      "the text goes on with the reason", "the cause is told", row()),
  LOAD_FAILURE(ERRORS, "requests wait while a model cannot be loaded",
      "503 at once, with the cause; restarts go on", "a client learns what is wrong",
      stays("a request that waits for minutes hangs its client")),
  READY(ERRORS, "no readiness", "`/ready`", "`/ping` is healthy while nothing serves", stays()),
  FAILED_START(ERRORS, "a missing archive of the start is a line in the log",
      "also described as failed; `/ready` is 503", "a server without its model says so", stays()),
  RETRY_ON_WORKER_DEATH(ERRORS, "500 `Worker died.`",
      "the request is given to another worker once", "a crash costs no answers",
      "retryOnWorkerDeath: false", stays()),
  MEMORY_ADDRESSES(ERRORS, "texts hold addresses (`at 0x7f...`)", "without them",
      "an address helps an attacker", stays()),
  RESOURCE_ERRORS(ERRORS, "507 for any error whose text has `CUDA` in it",
      "507 for an error of memory by its type", "a text does not say what failed", stays()),
  WORKFLOW_ERROR_STATUS(ERRORS, "500 for whatever makes a node of a workflow fail",
      "the status of the cause", "a client can tell its own fault", row()),
  WORKFLOW_RETRIES(ERRORS, "a node that fails is tried again, whatever the error",
      "not where the client is at fault", "it would fail again", stays()),
  STREAM_ERROR(ERRORS, "a stream that fails is cut",
      "server-sent events and JSON lines end with the error; trailers where a client takes them",
      "a client can read the reason", row()),
  TOKEN_STATUS(ACCESS, "400 without or with a wrong token", "401 and `WWW-Authenticate`, or 403",
      "the statuses that RFC 9110 defines", key("token_failures_as_400=true")),
  WORKFLOW_API(ACCESS, "workflows are registered although the model API is off",
      "405 for `POST` and `DELETE /workflows`", "a workflow is code that runs here",
      "enable_model_api=true", stays()),
  TOKEN_BY_ROUTE(ACCESS, "on one address for both APIs, both tokens are asked for",
      "the route decides which", "0.12's routes could not be reached", stays()),
  TOKEN_FREE_PROBES(ACCESS, "`/ping` and descriptions need the inference token", "they need none",
      "probes hold no secrets", "token_free_routes",
      stays("a client that sends its token is served, too")),
  TOKEN_SIZE(ACCESS, "tokens of 48 bits", "tokens of 256 bits, compared in constant time",
      "cannot be guessed", stays("a longer token is used like a short one")),
  TOKEN_ROUTE(ACCESS, "any request that contains `/token`", "that path only; the answer is JSON",
      "a model named tokenizer works", stays()),
  KEY_FILE_OWNER(ACCESS, "a second server overwrites `key_file.json`",
      "the second server does not start", "the first one's tokens stay valid", "key_file", stays()),
  HOST_CHECK(ACCESS, "any `Host` is served", "403 for names that others can own",
      "stops DNS rebinding", "allowed_hosts", stays()),
  PREFLIGHT(ACCESS, "a preflight needs a token", "204 before tokens are checked",
      "browsers send no token in it", stays()),
  ALLOWED_URLS(ACCESS, "`file://` and `http(s)://` are open to the API", "the model store only",
      "a URL is code that runs here", opens("allowed_urls=file://.*|http(s)?://.*")),
  PRIVATE_ADDRESSES(ACCESS, "private addresses may be fetched",
      "refused, also after a redirection", "stops SSRF", "allowed_private_hosts", stays()),
  KEYSTORE_PASSWORD(ACCESS, "`keystore_pass` is `changeit`", "no default",
      "a known password protects nothing", stays()),
  TLS_VERSIONS(ACCESS, "TLS 1.2 with CBC ciphers", "TLS 1.2 and 1.3, authenticated ciphers",
      "CBC and RSA key exchange are broken", stays()),
  ORIGIN_CHECK(ACCESS, "a web page of any origin is served",
      "403 for changes and handlers from a foreign origin",
      "stops a page from using a local server", "cors_allowed_origin", stays()),
  TOKEN_TO_HANDLER(ACCESS, "`Authorization` reaches handlers, with the server's token",
      "removed where the server checks tokens", "a model need not know the token", stays()),
  CONNECTION_HEADERS(HTTP, "`Connection: close` and HTTP/1.0 ignored", "honoured; pipelining too",
      "RFC 9112", stays()),
  REASON_PHRASE(HTTP, "empty reason phrase and no content type",
      "standard phrase, type and `Date`", "RFC 9110", stays("they harm no client")),
  REQUEST_SYNTAX(HTTP, "ambiguous requests are read somehow", "400, and the connection ends",
      "stops request smuggling", stays()),
  HEAD_LIMIT_STATUS(HTTP, "400 or 405", "414, 431, 501, 505", "RFC 9110", row()),
  CACHE_CONTROL(HTTP, "`no-cache; no-store, must-revalidate, private`", "separated by commas",
      "the `;` made it invalid", stays()),
  OIP_EXTENSIONS(HTTP, "`/v2` has `extenstion`", "`extensions`, and the old key",
      "the protocol's name", stays("the old key is there too")),
  OIP_READY(HTTP, "`/v2/health/ready` is always true", "503 until the models are loaded",
      "readiness is the truth", stays()),
  V1_READINESS_STATUS(HTTP, "`GET /v1/models/{name}` answers 200 for a model that is not ready",
      "503", "probes look at the status", row()),
  ENCODED_SLASH(HTTP, "`%2F` in a path parts segments", "it stays in its segment", "RFC 3986",
      stays("checks of paths rely on it")),
  CONNECT_METHOD(HTTP, "400", "501", "RFC 9110", row()),
  API_DESCRIPTIONS(HTTP, "API descriptions list routes that are not served, and lack others",
      "written from the routes", "generated clients work", row()),
  CONNECTION_LIMITS(LIMITS, "unlimited connections", "503 beyond the limit",
      "a flood leaves the server usable", "inference_max_connections", stays()),
  IDLE_CONNECTIONS(LIMITS, "idle connections stay", "closed after `connection_idle_timeout_sec`",
      "descriptors are finite", "connection_idle_timeout_sec", stays()),
  SLOW_REQUESTS(LIMITS, "a head or body may take for ever", "closed, or 408", "slowloris",
      "request_read_timeout_sec", stays()),
  BODY_MEMORY(LIMITS, "bodies are held without limit", "503 beyond a sum of bytes",
      "the server does not run out of memory", "body_memory_bytes", stays()),
  LONG_NUMBERS(LIMITS, "numbers of any length are parsed", "400 beyond 64 characters",
      "a parse must not hold the server", stays()),
  SMALL_BODIES(LIMITS, "small bodies are held without limit",
      "an eighth of `body_memory_bytes` is theirs", "many of them fill the memory too",
      "body_memory_bytes", stays()),
  IMAGE_PIXELS(LIMITS, "an image of any size is decoded", "400 beyond 100 million pixels",
      "a small file can take seconds", "max_image_pixels", stays()),
  WORKFLOW_RESPONSE(RESPONSES, "status, headers and type of a workflow's last node are lost",
      "they are passed on; a status from 400 on of an earlier node ends the run",
      "a picture is not JSON", row()),
  RESPONSE_TOO_LARGE(RESPONSES, "the worker is killed", "that request fails; the worker stays",
      "one answer costs no other request", stays()),
  WEIGHTS_ONLY(RESPONSES, "`torch.load` runs pickles", "reads weights only", "a pickle is code",
      "weights_only: false", stays()),
  MULTIPART_MALFORMED(RESPONSES, "the handler runs with an empty input", "400",
      "wrong input is not run", stays()),
  NAN_IN_JSON(RESPONSES, "`NaN` and `Infinity` as bare words", "500 that names the place",
      "JSON has no such words", key("json_nan=literal")),
  ARRAYS_IN_RESULTS(RESPONSES, "503 for numpy values, dataclasses and the like in a result",
      "JSON", "models return them", stays()),
  GENERATORS(RESPONSES, "503 for a generator as the result", "a stream", "Python's own way",
      stays()),
  HANDLER_ERROR_TYPE(RESPONSES, "`InternalServerException` with any status",
      "the type of the status", "a client's error has a client's type", row()),
  DEEP_GREY_IMAGES(RESPONSES, "16-bit grey, I and F are clipped to white", "scaled",
      "a picture, not a white square", stays()),
  BAD_ROW(RESPONSES, "an unreadable input fails its batch", "fails its own request",
      "others are not to blame", stays()),
  BAD_CHUNK(RESPONSES, "a chunk that cannot be sent fails its batch", "fails its own request",
      "others are not to blame", stays()),
  UNKNOWN_WORD(RESPONSES, "503 for a word that the vocabulary of a `TextClassifier` lacks",
      "400 for that request", "the input is at fault", stays()),
  EPS_IMAGES(RESPONSES, "EPS files are decoded", "400", "an EPS file is a program", stays()),
  WORKFLOW_DESCRIPTION(MANAGEMENT, "a workflow is described by its defaults alone",
      "`nodes`, after the members of 0.12", "each node has values of its own", row()),
  CUSTOMIZED_DESCRIBE(MANAGEMENT, "waits for ever in the queue",
      "goes first; 504 after `responseTimeout`", "a busy model can be described",
      stays("a call without an end hangs its client")),
  BAD_PARAMETERS(MANAGEMENT, "bad numbers and booleans become the default", "400 with the value",
      "a typing error has no silent effect", row()),
  UNKNOWN_PARAMETERS(MANAGEMENT, "unknown parameters are ignored",
      "400 with the nearest known one", "a typing error has no silent effect", row()),
  NAMES_OF_MODELS(MANAGEMENT, "any name", "a documented set of characters, else 400",
      "names are paths and labels", stays()),
  MODEL_STORE_READ_ONLY(MANAGEMENT, "downloads are written into the store", "a private cache",
      "two servers can share a store", stays()),
  DRAIN(MANAGEMENT, "scaling down kills what runs", "what runs ends first; `timeout` counts",
      "no request is lost", stays()),
  UNREGISTER_TIMEOUT(MANAGEMENT,
      "unregistering cuts what runs; 408 if a process stays for `unregister_model_timeout`",
      "what runs ends first, within that time", "no request is lost", row()),
  DESCRIPTION_MEMBERS(MANAGEMENT, "a worker is `READY` or `UNLOADING`",
      "`LOADING`, `FAILED` and more members, after those of 0.12", "says why a model is down", row()),
  MODEL_FOLDERS(MANAGEMENT, "any folder of the machine can be registered",
      "one below the model store, by its whole path or its name", "a folder is code that runs here",
      "model_store", stays()),
  LOAD_MEMORY(MANAGEMENT, "a model is loaded whatever memory is free",
      "with `SAGEMAKER_MULTI_MODEL=true` 507 before it is loaded",
      "SageMaker unloads others then", "model_memory_factor=0", stays()),
  LEAVING_VERSION(MANAGEMENT, "a version on its way out can be scaled", "409",
      "it would come back half", stays()),
  REGISTRATION_WINS(MANAGEMENT, "model-config.yaml wins over the request", "the request wins",
      "as 0.12 documents it", row()),
  RESERVED_NAMES(MANAGEMENT, "any name", "400 for names that the server uses in its own paths",
      "such a model could not be reached", stays()),
  GRPC_STATUSES(GRPC, "nearly all faults are `INTERNAL`", "the status of the cause",
      "clients can decide on it", row()),
  GRPC_TOKEN_STATUS(GRPC, "`PERMISSION_DENIED`", "`UNAUTHENTICATED` for a missing token",
      "gRPC's definition", key("token_failures_as_400=true")),
  GRPC_PING_TOKEN(GRPC, "`Ping` needs a token", "it needs none", "probes hold no secrets",
      "token_free_routes", stays("a client that sends its token is served, too")),
  GRPC_TOO_LARGE(GRPC, "the stream is reset", "`RESOURCE_EXHAUSTED` with a message",
      "a client can read the reason", stays()),
  GRPC_UNARY_ON_STREAM(GRPC, "a unary call on a streaming handler ends the worker",
      "it gets all parts", "a call costs no worker", stays()),
  GRPC_STREAM_ON_UNARY(GRPC, "the call ends with `INTERNAL`", "one message, then OK",
      "a call costs no worker", stays()),
  GRPC_SEQUENCE_ERRORS(GRPC, "an error of `StreamPredictions2`, or an early end, stops the worker",
      "a message with the code of the cause; the end waits for what runs",
      "a call costs no worker", stays()),
  GRPC_OIP_ANSWERS(GRPC, "an answer that is none of the Open Inference Protocol ends the worker",
      "fails its call", "a call costs no worker", stays()),
  GRPC_CONFLICTS(GRPC, "`UNKNOWN`", "`ALREADY_EXISTS`, `FAILED_PRECONDITION`",
      "gRPC's definition", row()),
  GRPC_MISSING_NAME(GRPC, "`INTERNAL` or `UNKNOWN`", "`INVALID_ARGUMENT`", "gRPC's definition",
      row()),
  GRPC_SCALE_TO_ZERO(GRPC, "`min_worker: 0` is 1", "0 stops all workers",
      "presence is on the wire", row()),
  GRPC_BYTES_QUOTES(GRPC, "texts of `BYTES` are in quotes", "the bytes themselves",
      "the protocol's definition", stays()),
  METRICS_PAGE(METRICS, "empty unless `metrics_mode=prometheus`", "always there",
      "the listener is open anyway", "enable_metrics_api=false", stays("it harms no reader")),
  METRICS_LINES(METRICS, "a log line for each request", "a line for each series and second",
      "logging does not cost more than serving", row()),
  HANDLER_TIMES(METRICS, "`PredictionTime`, `HandlerTime` for each request",
      "once a second at most", "the same", row()),
  REQUESTS_5XX(METRICS, "counts 1xx and 3xx too", "statuses from 500 on", "the name says so",
      stays()),
  WORKER_LOAD_TIME(METRICS, "the age of the worker", "the time of its last start",
      "the name says so", stays()),
  WORKER_THREAD_TIME(METRICS, "`WorkerThreadTime` is the last turn of a thread",
      "how long a batch that was due took to be sent", "there is no such thread", stays()),
  COUNTED_REFUSALS(METRICS, "413 and 417 are not counted", "they are", "each request counts",
      stays()),
  GPU_USAGE(METRICS, "`gpuUsage` is that of the whole GPU", "the memory of the worker itself",
      "it is the worker's description", stays()),
  DIMENSION_LISTS(METRICS, "lists of dimensions that a handler gives are changed",
      "they stay as they are", "a list is its owner's", stays()),
  LOG_CHARACTERS(METRICS, "control characters stand in logs as they came",
      "`?` in their place; further lines are indented", "a client cannot forge a line", stays()),
  BROKEN_METRICS_FILE(METRICS, "the server runs without metrics",
      "the start fails and says where", "a typing error is seen",
      stays("workers of 0.12 ended by it")),
  SYSTEM_METRICS(METRICS, "a Python program each minute",
      "read in the server; the container's memory", "costs nothing", "system_metrics_cmd", stays()),
  MODEL_LEVEL(METRICS, "`Level:Host` while loading", "`Level:Model`", "it is the model's", stays()),
  START_WAITS(START, "`--start` returns at once with 0",
      "when the server listens, or 1 with the reason", "scripts can rely on it", stays()),
  STOP_WAITS(START, "`--stop` returns at once", "when every process is gone",
      "the port is free afterwards", stays()),
  SNAPSHOT_CONTENT(START, "settings and options come back too", "models only, mode 0600",
      "a secret is not written", stays("a secret is not written, tokens stay on")),
  SNAPSHOT_FAULTS(START, "a missing archive or a foreign file among snapshots ends the start",
      "it is passed over, and told", "the rest can be served", stays()),
  SNAPSHOT_ORDER(START, "a snapshot wins over `--models`", "`--models` wins",
      "what is typed now counts", row()),
  SNAPSHOT_MOMENTS(START, "a snapshot for each call that succeeds",
      "one for each change of the state; changes at once share it", "nothing new is not written",
      row()),
  BOOLEAN_SETTINGS(START, "a boolean that is not `true` is false", "the start is refused",
      "a typing error is seen", row()),
  JOINED_LINES(START, "`enable_model_api=truedefault_response_timeout=60` is false",
      "two settings without a line break between them are read as two",
      "SageMaker's toolkit writes such a line", stays("both settings were meant")),
  VERSION_IN_MODELS(START, "settings in `models` for a version that the archive does not have are lost",
      "they hold for the model if they name one version", "SageMaker's toolkit names 1.0 for 1",
      stays("the settings were meant")),
  SETTINGS_ENCODING(START, "ISO-8859-1", "UTF-8 where it is valid, else ISO-8859-1",
      "names in any language", stays("files of 0.12 are read")),
  UNWRITABLE_LOGS(START, "the server runs without logs", "the start is refused",
      "nothing would be seen", stays()),
  SERVER_HOME(START, "`TS_MODEL_SERVER_HOME` names the server", "no effect",
      "the wheel knows where its files are", stays()),
  MIXED_SCHEMES(START, "one address with http and https", "refused",
      "one of the two could not be served", stays()),
  TEMPORARY_FOLDER(START, "`TEMP` for the JVM alone",
      "`TEMP`, `TMPDIR` and `TMP` for all processes", "one folder, one meaning", stays()),
  SHARED_FOLDERS(START, "two servers with one temporary folder take each other's workers",
      "each has a folder of its own, with a lock", "servers do not meet", stays()),
  LOCALE(START, "the locale decides how names are read", "UTF-8 in every process",
      "names in any language", stays()),
  EXIT_CODE(START, "0 whatever was written", "the exit code says what was done",
      "scripts can rely on it", stays()),
  UNPACKING(ARCHIVES, "no limits, links as empty files",
      "limits of size and number; links refused", "archives come from others", stays()),
  MODEL_CONFIG_TYPES(ARCHIVES, "a value of a wrong type is ignored",
      "the registration is refused", "it would not do what it says", stays()),
  YAML_LIMITS(ARCHIVES, "YAML without limits", "limits of size, depth and aliases",
      "stops YAML bombs", stays()),
  WORKFLOW_WORKERS(WORKERS, "a node of a workflow starts with `max-workers`", "with `min-workers`",
      "both keys count", row()),
  OPENMP_WAIT(WORKERS, "idle threads of torch spin", "they sleep", "a server shares its cores",
      "OMP_WAIT_POLICY", stays("no client sees it")),
  EVENT_LOOPS(WORKERS, "two event loops for each core", "one for two cores",
      "workers need the cores", "number_of_netty_threads", stays("no client sees it")),
  STOPPED_WORKER_RETRY(WORKERS, "after the window requests hang",
      "503 at once; a scale call revives", "each request gets one end",
      stays("a request without an end hangs its client")),
  FAILURES_IN_A_ROW(WORKERS, "a worker that fails each request stays",
      "a new process after 20 failures in a row", "a broken CUDA context does not heal",
      "maxFailuresInRow: 0", stays()),
  CPU_LAUNCHER(WORKERS, "`cpu_launcher_enable` restarts all workers at scaling",
      "cores are divided anew among all workers", "nothing has to restart", stays()),
  PARALLEL_NODES(WORKERS, "`torchrun.nnodes` above 1 starts ranks that wait for other hosts",
      "the registration is refused", "the processes of a worker are on one machine", stays()),
  PARALLEL_COROUTINES(WORKERS,
      "`asyncCommunication` beside `parallelType: pp, tp, pptp` loads rank 0 alone",
      "the registration is refused", "it never came up", stays()),
  RENDEZVOUS(WORKERS, "ranks meet at one port of the host, and are restarted once",
      "at a free port, and are replaced as a whole", "groups met, requests hung", stays()),
  LEFT_PROCESSES(WORKERS, "what a handler started may stay", "it ends with its worker",
      "nothing is left behind", stays()),
  LAUNCHER_STOP(PYTHON, "`launcher.start()` and `stop()` end any server",
      "the one that this program started", "another server is not theirs", stays()),
  LLM_HANDLER_STEPS(PYTHON, "`VLLMHandler`, `TRTLLMHandler` answer in three steps",
      "in `handle` alone", "the engine has the whole API", stays()),
  IMPORTED_NAMES(PYTHON, "modules show what they import, their loggers, and names with `_`",
      "not part of a module", "import a name from where it is made", stays()),
  DALI_PROGRAM(PYTHON, "`ts.handler_utils.preprocess.built-in` writes a pipeline",
      "`get_dali_pipeline` builds it itself", "no program has to run first", stays()),
  ENGINE_STEP(PYTHON, "`ts.llm_launcher.create_tensorrt_llm_engine` builds an engine",
      "TensorRT-LLM builds it when the model loads", "its API does both", stays()),
  OWN_TESTS(PYTHON,
      "`ts.torch_handler.unit_tests.{conftest, models, test_utils.model_dir.REPO_DIR}`",
      "not in the package", "part of 0.12's own tests", stays()),
  PLUGINS(ABSENT, "Java plug-ins in `plugins_path`", "not there; the start warns",
      "docs/plug-ins.md: what replaces each", stays()),
  CPP_BACKEND(ABSENT, "the C++ backend", "not there; its models are refused",
      "exported models replace it: docs/plug-ins.md", stays());
  // spotless:on

  private final Area area;
  private final String original;
  private final String ours;
  private final String reason;
  private final Optional<String> setting;
  private final Switched switched;

  Deviation(Area area, String original, String ours, String reason, Switched switched) {
    this(area, original, ours, reason, null, switched);
  }

  Deviation(
      Area area, String original, String ours, String reason, String setting, Switched switched) {
    this.area = area;
    this.original = original;
    this.ours = ours;
    this.reason = reason;
    this.setting = Optional.ofNullable(setting).or(switched::assignment);
    this.switched = switched;
  }

  /** The part of the server it belongs to. */
  public Area area() {
    return area;
  }

  /** What TorchServe 0.12 does, in Markdown. */
  public String original() {
    return original;
  }

  /** What this server does, in Markdown. */
  public String ours() {
    return ours;
  }

  /** Why it was decided so. */
  public String reason() {
    return reason;
  }

  /** The setting that changes it, as a user writes it; empty if there is none. */
  public Optional<String> setting() {
    return setting;
  }

  /** What {@code compatibility=0.12} does to it. */
  public Switched switched() {
    return switched;
  }
}
