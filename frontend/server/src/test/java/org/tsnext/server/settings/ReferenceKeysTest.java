package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.server.settings.SettingKey.EnvironmentForm.Gate;

/**
 * The keys of TorchServe 0.12: none is missing, none has another default or variable by mistake.
 */
public class ReferenceKeysTest {
  /** Key, default (- for none), environment variable (- for none), as TorchServe 0.12 has them. */
  private static final String KEYS =
      """
      inference_address http://127.0.0.1:8080 TS_INFERENCE_ADDRESS
      management_address http://127.0.0.1:8081 TS_MANAGEMENT_ADDRESS
      metrics_address http://127.0.0.1:8082 TS_METRICS_ADDRESS
      enable_metrics_api true TS_ENABLE_METRICS_API
      grpc_inference_address 127.0.0.1 TS_GRPC_INFERENCE_ADDRESS
      grpc_management_address 127.0.0.1 TS_GRPC_MANAGEMENT_ADDRESS
      grpc_inference_port 7070 TS_GRPC_INFERENCE_PORT
      grpc_management_port 7071 TS_GRPC_MANAGEMENT_PORT
      grpc_inference_max_connection_age_ms - TS_GRPC_INFERENCE_MAX_CONNECTION_AGE_MS
      grpc_management_max_connection_age_ms - TS_GRPC_MANAGEMENT_MAX_CONNECTION_AGE_MS
      grpc_inference_max_connection_age_grace_ms - TS_GRPC_INFERENCE_MAX_CONNECTION_AGE_GRACE_MS
      grpc_management_max_connection_age_grace_ms - TS_GRPC_MANAGEMENT_MAX_CONNECTION_AGE_GRACE_MS
      enable_grpc_ssl false TS_ENABLE_GRPC_SSL
      ts_open_inference_protocol false TS_OPEN_INFERENCE_PROTOCOL
      max_request_size 6553500 TS_MAX_REQUEST_SIZE
      max_response_size 6553500 TS_MAX_RESPONSE_SIZE
      prefer_direct_buffer false TS_PREFER_DIRECT_BUFFER
      number_of_netty_threads 0 TS_NUMBER_OF_NETTY_THREADS
      netty_client_threads 0 TS_NETTY_CLIENT_THREADS
      use_native_io true -
      io_ratio 50 -
      keystore - TS_KEYSTORE
      keystore_pass changeit TS_KEYSTORE_PASS
      keystore_type PKCS12 TS_KEYSTORE_TYPE
      private_key_file - TS_PRIVATE_KEY_FILE
      certificate_file - TS_CERTIFICATE_FILE
      cors_allowed_origin - TS_CORS_ALLOWED_ORIGIN
      cors_allowed_methods - TS_CORS_ALLOWED_METHODS
      cors_allowed_headers - TS_CORS_ALLOWED_HEADERS
      model_store - TS_MODEL_STORE
      workflow_store - TS_WORKFLOW_STORE
      load_models - TS_LOAD_MODELS
      models - -
      model_snapshot - -
      allowed_urls file://.*|http(s)?://.* TS_ALLOWED_URLS
      use_env_allowed_urls false -
      install_py_dep_per_model false TS_INSTALL_PY_DEP_PER_MODEL
      default_service_handler - TS_DEFAULT_SERVICE_HANDLER
      service_envelope - TS_SERVICE_ENVELOPE
      enable_model_api false TS_ENABLE_MODEL_API
      default_workers_per_model 0 TS_DEFAULT_WORKERS_PER_MODEL
      default_response_timeout 120 TS_DEFAULT_RESPONSE_TIMEOUT
      default_startup_timeout 120 TS_DEFAULT_STARTUP_TIMEOUT
      unregister_model_timeout 120 TS_UNREGISTER_MODEL_TIMEOUT
      job_queue_size 100 TS_JOB_QUEUE_SIZE
      number_of_gpu - TS_NUMBER_OF_GPU
      initial_worker_port 9000 TS_INITIAL_WORKER_PORT
      initial_distribution_port 29500 TS_INITIAL_DISTRIBUTION_PORT
      blacklist_env_vars - TS_BLACKLIST_ENV_VARS
      decode_input_request true TS_DECODE_INPUT_REQUEST
      limit_max_image_pixels true TS_LIMIT_MAX_IMAGE_PIXELS
      ipex_enable false TS_IPEX_ENABLE
      ipex_gpu_enable false TS_IPEX_GPU_ENABLE
      cpu_launcher_enable false TS_CPU_LAUNCHER_ENABLE
      cpu_launcher_args - TS_CPU_LAUNCHER_ARGS
      debug false TS_DEBUG
      metrics_config - TS_METRICS_CONFIG
      metrics_mode log TS_METRICS_MODE
      model_metrics_auto_detect false TS_MODEL_METRICS_AUTO_DETECT
      disable_system_metrics false TS_DISABLE_SYSTEM_METRICS
      system_metrics_cmd - -
      metric_time_interval 60 -
      async_logging false TS_ASYNC_LOGGING
      cpp_log_config - TS_CPP_LOG_CONFIG
      disable_token_authorization false TS_DISABLE_TOKEN_AUTHORIZATION
      token_expiration_min 60 TS_TOKEN_EXPIRATION_TIME_MIN
      ts_header_key_sequence_id ts_request_sequence_id TS_HEADER_KEY_SEQUENCE_ID
      ts_header_key_sequence_start ts_request_sequence_start TS_HEADER_KEY_SEQUENCE_START
      ts_header_key_sequence_end ts_request_sequence_end TS_HEADER_KEY_SEQUENCE_END
      model_server_home - TS_MODEL_SERVER_HOME
      enable_envvars_config false -
      python python -
      vmargs - -
      plugins_path - -
      version - -
      tsConfigFile - -
      NUM_WORKERS - -
      """;

  /** Where we mean to differ, and why the page on configuration says so. */
  private static final Map<String, String> OTHER_DEFAULTS =
      Map.of(
          // Models come from the model store, unless the operator opens more.
          "allowed_urls", "-",
          // It had no effect, and logs are always written by a thread of their own.
          "async_logging", "true",
          // The password everybody knows protects nothing.
          "keystore_pass", "-");

  private record Reference(String name, String defaultText, String variable) {
    static Reference parse(String line) {
      String[] words = line.split(" ", -1);
      assertEquals(words.length, 3, line);
      return new Reference(words[0], words[1], words[2]);
    }
  }

  @DataProvider
  public Object[][] keys() {
    return KEYS.lines().map(line -> new Object[] {Reference.parse(line)}).toArray(Object[][]::new);
  }

  private static SettingKey<?> key(String name) {
    return SettingTable.keys().stream()
        .collect(Collectors.toMap(SettingKey::name, Function.identity()))
        .get(name);
  }

  @Test
  public void thereAreSeventySevenNames() {
    assertEquals(keys().length, 77);
  }

  @Test(dataProvider = "keys")
  public void keyHasItsDefault(Object reference) {
    Reference expected = (Reference) reference;
    String actual = key(expected.name()).defaultText().orElse("-");
    if (!actual.equals(expected.defaultText())) {
      assertEquals(actual, OTHER_DEFAULTS.get(expected.name()), expected.name());
    }
  }

  @Test(dataProvider = "keys")
  public void keyHasItsEnvironmentForm(Object reference) {
    Reference expected = (Reference) reference;
    SettingKey.EnvironmentForm form = key(expected.name()).environment();
    String actual = form.gate() == Gate.NEVER ? "-" : form.variable();
    assertEquals(actual, expected.variable(), expected.name());
  }

  /** What the table says is what the loader does, for each key that has a variable. */
  @Test(dataProvider = "keys")
  public void variableReachesTheLoader(Object reference) {
    Reference expected = (Reference) reference;
    SettingKey<?> key = key(expected.name());
    String variable = key.environment().variable();
    Map<String, String> file = new TreeMap<>();
    file.put("enable_envvars_config", "true");
    file.put("use_env_allowed_urls", "true");
    // An empty value is valid for every key, and takes one of the file back.
    Settings settings =
        SettingsLoader.load(
            Optional.of(new ConfigFile(java.nio.file.Path.of("/c.properties"), file)),
            Map.of(),
            Map.of(variable, ""));
    boolean used = settings.source(key).kind() == Settings.Source.Kind.ENVIRONMENT;
    assertEquals(used, !expected.variable().equals("-"), expected.name());
    if (!used) {
      assertTrue(
          settings.warnings().stream().anyMatch(w -> w.startsWith(variable + " is ignored")),
          settings.warnings().toString());
    }
  }
}
