package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.address;
import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.bytes;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.matching;
import static org.tsnext.server.settings.SettingTypes.oneOf;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.seconds;
import static org.tsnext.server.settings.SettingTypes.text;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tsnext.http.settings.ListenAddress;

/** Keys of listeners: addresses, sizes, threads, TLS, CORS. */
public final class ListenerKeys {
  private static final int MEGABYTE = 1 << 20;
  private static final int MAX_THREADS = 4096;

  public static final SettingKey<ListenAddress> INFERENCE_ADDRESS =
      SettingKey.of(
              "inference_address",
              address("inference_address", 80, 443),
              "Where the inference API listens: http://host[:port], https://host[:port] or"
                  + " unix:/absolute/path. Port 0 takes a free one.")
          .withDefault("http://127.0.0.1:8080");
  public static final SettingKey<ListenAddress> MANAGEMENT_ADDRESS =
      SettingKey.of(
              "management_address",
              address("management_address", 8081, 8444),
              "Where the management API listens. The same as inference_address makes one listener"
                  + " serve both, and /metrics if that is on.")
          .withDefault("http://127.0.0.1:8081");
  public static final SettingKey<Boolean> ENABLE_METRICS_API =
      SettingKey.of(
              "enable_metrics_api", bool(), "Whether to open the metrics listener, for /metrics.")
          .withDefault("true");
  public static final SettingKey<Boolean> ENABLE_CONSOLE =
      SettingKey.of(
              "enable_console",
              bool(),
              "Whether the management listener has the console at /console/, and each listener the page"
                  + " of its API at /openapi/.")
          .withDefault("true");
  public static final SettingKey<ListenAddress> METRICS_ADDRESS =
      SettingKey.of(
              "metrics_address",
              address("metrics_address", 8082, 8445),
              "Where the metrics API listens, apart from the other two.")
          .withDefault("http://127.0.0.1:8082");
  public static final SettingKey<Integer> MAX_REQUEST_SIZE =
      SettingKey.of(
              "max_request_size",
              integer(1, Integer.MAX_VALUE),
              "Size limit of a request's body, or of a gRPC message, in bytes.")
          .withDefault("6553500");
  public static final SettingKey<Integer> MAX_RESPONSE_SIZE =
      SettingKey.of(
              "max_response_size",
              integer(1, Integer.MAX_VALUE),
              "Size limit of a response (of each chunk of a stream), in bytes.")
          .withDefault("6553500");
  public static final SettingKey<Long> STREAM_BUFFER_SIZE =
      SettingKey.of(
              "stream_buffer_size",
              bytes(1, 1 << 30),
              "How much of one streamed response may wait for a client that reads slowly, in bytes;"
                  + " beyond it that stream is cut.")
          .withDefault(String.valueOf(4 * MEGABYTE));
  public static final SettingKey<Long> BODY_MEMORY_BYTES =
      SettingKey.of(
              "body_memory_bytes",
              bytes(0, 1L << 50),
              "How much the server holds of bodies over 16 KiB, of requests until they have their responses"
                  + " and of responses until they are sent, in bytes; beyond it requests with such"
                  + " bodies are answered 503. Smaller bodies have one eighth of it beside that, for"
                  + " themselves. 0 takes half of the JVM's largest heap (-Xmx in"
                  + " vmargs), which buffers outside the heap may take as well.")
          .withDefault("0");
  public static final SettingKey<Boolean> ERROR_DETAIL =
      SettingKey.of(
              "error_detail",
              bool(),
              "Whether error responses carry the field detail with the cause, such as the type and"
                  + " text of a handler's exception, and an unhealthy /ping, or a /ready that says no,"
                  + " its reasons. Descriptions of models, on the management API, always have them.")
          .withDefault("true");
  public static final SettingKey<Integer> NUMBER_OF_NETTY_THREADS =
      SettingKey.of(
              "number_of_netty_threads",
              integer(0, MAX_THREADS),
              "Event-loop threads, shared by client and worker connections. 0 takes one for every two"
                  + " CPUs.")
          .withDefault("0");
  public static final SettingKey<Integer> NETTY_CLIENT_THREADS =
      SettingKey.of(
              "netty_client_threads",
              integer(0, MAX_THREADS),
              "Event-loop threads for worker connections in TorchServe 0.12.")
          .withDefault("0")
          .noEffect("worker connections share the threads of number_of_netty_threads");
  public static final SettingKey<Boolean> USE_NATIVE_IO =
      SettingKey.of(
              "use_native_io",
              bool(),
              "Whether to use epoll or kqueue where they exist. false means NIO, and TCP to"
                  + " workers.")
          .withDefault("true")
          .fileOnly();
  public static final SettingKey<Integer> IO_RATIO =
      SettingKey.of(
              "io_ratio",
              integer(1, 100),
              "Share of an event loop's time for I/O, in percent, in TorchServe 0.12.")
          .withDefault("50")
          .fileOnly()
          .noEffect("event loops share their time by themselves");
  public static final SettingKey<Boolean> PREFER_DIRECT_BUFFER =
      SettingKey.of(
              "prefer_direct_buffer",
              bool(),
              "Whether to encode into off-heap buffers in TorchServe 0.12.")
          .withDefault("false")
          .noEffect("buffers are pooled and off-heap wherever a socket reads them");

  public static final SettingKey<Boolean> TS_OPEN_INFERENCE_PROTOCOL =
      SettingKey.of(
              "ts_open_inference_protocol",
              bool(),
              "Whether to add what the Open Inference Protocol (KServe v2) has beside predictions:"
                  + " metadata, health and versions. The environment variable"
                  + " TS_OPEN_INFERENCE_PROTOCOL=oip does the same.")
          .withDefault("false")
          .withEnvironment("TS_OPEN_INFERENCE_PROTOCOL", SettingKey.EnvironmentForm.Gate.ALWAYS);

  public static final SettingKey<Path> KEYSTORE =
      SettingKey.of(
          "keystore",
          path(),
          "Key store with the TLS key of all https listeners, its first; wins over the PEM files.");
  public static final SettingKey<String> KEYSTORE_PASS =
      SettingKey.of(
              "keystore_pass",
              text("file:<path>, env:<variable> or a password"),
              "Password of the key store and its key: file:<path> for the first line of a file,"
                  + " env:<variable>, or the password itself.")
          .hidden();
  public static final SettingKey<String> KEYSTORE_TYPE =
      SettingKey.of("keystore_type", oneOf("pkcs12", "jks", "jceks"), "Kind of the key store.")
          .withDefault("PKCS12");
  public static final SettingKey<Path> PRIVATE_KEY_FILE =
      SettingKey.of(
          "private_key_file",
          path(),
          "PEM file with the TLS key of all https listeners: RSA, EC or Ed25519, in PKCS#8,"
              + " PKCS#1 or SEC1.");
  public static final SettingKey<String> PRIVATE_KEY_PASS =
      SettingKey.of(
              "private_key_pass",
              text("file:<path>, env:<variable> or a passphrase"),
              "Passphrase of an encrypted private_key_file (PKCS#8), in the forms of"
                  + " keystore_pass.")
          .hidden();
  public static final SettingKey<Path> CERTIFICATE_FILE =
      SettingKey.of(
          "certificate_file",
          path(),
          "PEM file with the TLS certificate chain, the key's own certificate first.");
  public static final SettingKey<Duration> TLS_RELOAD_INTERVAL =
      SettingKey.of(
              "tls_reload_interval",
              seconds(1),
              "How often the files of the TLS key are compared with what was read, in seconds. New"
                  + " connections use a new key; a broken one is logged and the old one stays.")
          .withDefault("10");
  public static final SettingKey<Boolean> TLS_SELF_SIGNED =
      SettingKey.of(
              "tls_self_signed",
              bool(),
              "Whether https listeners without a key make one, with a self-signed certificate, at"
                  + " each start. For trying out only.")
          .withDefault("false");
  public static final SettingKey<String> UNIX_SOCKET_MODE =
      SettingKey.of(
              "unix_socket_mode",
              oneOf("0600", "0660", "0666"),
              "Who may connect to the Unix sockets of listeners: the owner, the group too, or"
                  + " every user of the machine.")
          .withDefault("0600");

  public static final SettingKey<String> CORS_ALLOWED_ORIGIN =
      header(
          "cors_allowed_origin",
          "Value of access-control-allow-origin: an origin, or * for any. Of several between commas"
              + " the asking one is answered, with vary: Origin. Empty sends none. Pages of other"
              + " origins may change nothing, and may use nothing of a server on loopback that requires no"
              + " token.");
  public static final SettingKey<String> CORS_ALLOWED_METHODS =
      header("cors_allowed_methods", "Value of access-control-allow-methods.");
  public static final SettingKey<String> CORS_ALLOWED_HEADERS =
      header("cors_allowed_headers", "Value of access-control-allow-headers.");

  public static final SettingKey<Duration> CORS_MAX_AGE =
      SettingKey.of(
          "cors_max_age_sec",
          seconds(0),
          "How long browsers may cache the response to a preflight, in seconds; they decide if empty.");

  public static final SettingKey<Integer> INFERENCE_MAX_CONNECTIONS =
      maxConnections("inference", "10000");
  public static final SettingKey<Integer> MANAGEMENT_MAX_CONNECTIONS =
      maxConnections("management", "1000");
  public static final SettingKey<Integer> METRICS_MAX_CONNECTIONS =
      maxConnections("metrics", "100");
  public static final SettingKey<Duration> CONNECTION_IDLE_TIMEOUT =
      SettingKey.of(
              "connection_idle_timeout_sec",
              seconds(0),
              "How long a connection may be open without a request, in seconds, a stream of gRPC"
                  + " without a message (or as long as its sequences may be idle), or an answer over"
                  + " HTTP/2 wait for a client that reads nothing; 0 for ever. The default is longer than what usual load balancers keep theirs.")
          .withDefault("620");
  public static final SettingKey<Duration> REQUEST_READ_TIMEOUT =
      SettingKey.of(
              "request_read_timeout_sec",
              seconds(0),
              "How long a client may take for the head of a request, or send less than 256 bytes"
                  + " per second of its body, in seconds; 0 for ever. Over gRPC that is the first"
                  + " message of a call, and the end of a call of one message.")
          .withDefault("60");

  static final List<SettingKey<?>> LISTENERS =
      List.of(
          INFERENCE_ADDRESS,
          MANAGEMENT_ADDRESS,
          METRICS_ADDRESS,
          ENABLE_METRICS_API,
          ENABLE_CONSOLE,
          UNIX_SOCKET_MODE,
          MAX_REQUEST_SIZE,
          MAX_RESPONSE_SIZE,
          STREAM_BUFFER_SIZE,
          BODY_MEMORY_BYTES,
          INFERENCE_MAX_CONNECTIONS,
          MANAGEMENT_MAX_CONNECTIONS,
          METRICS_MAX_CONNECTIONS,
          CONNECTION_IDLE_TIMEOUT,
          REQUEST_READ_TIMEOUT,
          ERROR_DETAIL,
          NUMBER_OF_NETTY_THREADS,
          NETTY_CLIENT_THREADS,
          USE_NATIVE_IO,
          IO_RATIO,
          PREFER_DIRECT_BUFFER,
          TS_OPEN_INFERENCE_PROTOCOL);
  static final List<SettingKey<?>> TLS_AND_CORS =
      List.of(
          KEYSTORE,
          KEYSTORE_PASS,
          KEYSTORE_TYPE,
          PRIVATE_KEY_FILE,
          PRIVATE_KEY_PASS,
          CERTIFICATE_FILE,
          TLS_RELOAD_INTERVAL,
          TLS_SELF_SIGNED,
          CORS_ALLOWED_ORIGIN,
          CORS_ALLOWED_METHODS,
          CORS_ALLOWED_HEADERS,
          CORS_MAX_AGE);

  private ListenerKeys() {}

  /** The keys of the HTTP listeners that are opened. */
  public static List<SettingKey<ListenAddress>> opened(Settings settings) {
    return settings.get(ENABLE_METRICS_API)
        ? List.of(INFERENCE_ADDRESS, MANAGEMENT_ADDRESS, METRICS_ADDRESS)
        : List.of(INFERENCE_ADDRESS, MANAGEMENT_ADDRESS);
  }

  private static SettingKey<Integer> maxConnections(String api, String number) {
    return SettingKey.of(
            api + "_max_connections",
            integer(0, Integer.MAX_VALUE / 2),
            "Connections that the listener of the "
                + api
                + " API takes at a time; one more is served one GET /ping or /ready, or answered 503, and"
                + " closed. 0 for any number. One address for inference and management takes both"
                + " numbers.")
        .withDefault(number);
  }

  private static SettingKey<String> header(String name, String description) {
    return SettingKey.of(
        name, matching("a header value of printable ASCII", "[ -~]+"), description);
  }
}
