package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.testng.annotations.Test;

public class SettingTableTest {
  /** The keys of TorchServe 0.12, and ours. */
  private static final String KEYS =
      """
      kserve
      inference_address management_address metrics_address enable_metrics_api enable_console
      grpc_inference_address grpc_management_address grpc_inference_port grpc_management_port
      grpc_inference_max_connection_age_ms grpc_management_max_connection_age_ms
      grpc_inference_max_connection_age_grace_ms grpc_management_max_connection_age_grace_ms
      enable_grpc_ssl ts_open_inference_protocol max_request_size max_response_size
      prefer_direct_buffer number_of_netty_threads netty_client_threads use_native_io io_ratio
      keystore keystore_pass keystore_type private_key_file certificate_file
      cors_allowed_origin cors_allowed_methods cors_allowed_headers
      model_store workflow_store load_models models model_snapshot allowed_urls
      use_env_allowed_urls install_py_dep_per_model default_service_handler service_envelope
      enable_model_api
      default_workers_per_model default_response_timeout default_startup_timeout
      unregister_model_timeout job_queue_size number_of_gpu initial_worker_port
      initial_distribution_port body_memory_bytes enable_grpc_api enable_grpc_reflection blacklist_env_vars decode_input_request limit_max_image_pixels
      max_image_pixels json_nan compatibility
      ipex_enable ipex_gpu_enable cpu_launcher_enable cpu_launcher_args debug
      metrics_config metrics_mode model_metrics_auto_detect metrics_max_series server_timing disable_system_metrics
      system_metrics_cmd metric_time_interval console async_logging cpp_log_config
      disable_token_authorization token_expiration_min token_overlap_sec key_file
      inference_token inference_token_file management_token management_token_file
      token_free_routes token_failures_as_400 allowed_hosts cors_max_age_sec
      inference_max_connections management_max_connections metrics_max_connections connection_idle_timeout_sec
      request_read_timeout_sec
      ts_header_key_sequence_id ts_header_key_sequence_start ts_header_key_sequence_end
      model_server_home enable_envvars_config python vmargs plugins_path version tsConfigFile
      NUM_WORKERS
      error_detail stream_buffer_size worker_transport shutdown_drain_timeout shutdown_delay_sec
      exit_on_load_failure
      unpack_max_bytes unpack_max_entries model_memory_factor snapshots_kept
      allowed_private_hosts model_cache model_download_connect_timeout model_download_max_bytes
      model_download_read_timeout model_download_timeout
      private_key_pass tls_reload_interval tls_self_signed unix_socket_mode
      dependency_cache dependency_install_timeout
      enable_job_api job_store job_max_count job_max_bytes job_lifetime
      """;

  /** Defaults that users rely on; a change here is a change for them. */
  private static final Map<String, String> DEFAULTS =
      Map.ofEntries(
          Map.entry("inference_address", "http://127.0.0.1:8080"),
          Map.entry("management_address", "http://127.0.0.1:8081"),
          Map.entry("metrics_address", "http://127.0.0.1:8082"),
          Map.entry("max_request_size", "6553500"),
          Map.entry("max_response_size", "6553500"),
          Map.entry("stream_buffer_size", "4194304"),
          Map.entry("job_queue_size", "100"),
          Map.entry("default_response_timeout", "120"),
          Map.entry("default_startup_timeout", "120"),
          Map.entry("unregister_model_timeout", "120"),
          Map.entry("shutdown_drain_timeout", "30"),
          Map.entry("shutdown_delay_sec", "0"),
          Map.entry("exit_on_load_failure", "false"),
          Map.entry("default_workers_per_model", "0"),
          Map.entry("initial_worker_port", "9000"),
          Map.entry("enable_model_api", "false"),
          Map.entry("kserve", "auto"),
          Map.entry("disable_token_authorization", "false"),
          Map.entry("error_detail", "true"),
          Map.entry("decode_input_request", "true"),
          Map.entry("limit_max_image_pixels", "true"),
          Map.entry("max_image_pixels", "100000000"),
          Map.entry("json_nan", "error"),
          Map.entry("snapshots_kept", "20"),
          Map.entry("enable_envvars_config", "false"));

  @Test
  public void everyKnownKeyIsListedOnce() {
    List<String> names = SettingTable.keys().stream().map(SettingKey::name).toList();
    assertEquals(new TreeSet<>(names), new TreeSet<>(List.of(KEYS.strip().split("\\s+"))));
    assertEquals(names.size(), new HashSet<>(names).size());
  }

  @Test
  public void defaultsAreWhatUsersRelyOn() {
    Map<String, String> actual =
        SettingTable.keys().stream()
            .filter(key -> DEFAULTS.containsKey(key.name()))
            .collect(Collectors.toMap(SettingKey::name, key -> key.defaultText().orElse("")));
    assertEquals(new TreeMap<>(actual), new TreeMap<>(DEFAULTS));
  }

  /** What is printed, logged or complained of must not tell a password or a token. */
  @Test
  public void passwordsAndTokensAreHidden() {
    for (SettingKey<?> key : SettingTable.keys()) {
      boolean holdsOne = key.name().matches(".*_(pass|password|secret|token)");
      assertEquals(key.secret(), holdsOne, key.name());
    }
  }

  @Test
  public void everyDefaultIsAcceptedByItsOwnKey() {
    Settings settings = SettingsLoader.load(Optional.empty(), Map.of(), Map.of());
    for (SettingKey<?> key : SettingTable.keys()) {
      assertEquals(settings.find(key).isPresent(), key.defaultText().isPresent(), key.name());
    }
    assertEquals(settings.warnings(), List.of());
  }

  @Test
  public void noEnvironmentVariableMeansTwoKeys() {
    Set<String> variables = new HashSet<>();
    for (SettingKey<?> key : SettingTable.keys()) {
      assertTrue(variables.add(key.environment().variable()), key.name());
    }
  }

  @Test
  public void configPropertiesIsTheTable() throws IOException {
    Path file = ConfigurationDocuments.repository().resolve("config.properties");
    assertSame(file, ConfigurationDocuments.properties());
    Properties uncommented = new Properties();
    // With every default taken out of its comment the file must mean the same as without it.
    uncommented.load(
        new StringReader(Files.readString(file).replaceAll("(?m)^#(?=[A-Za-z_]+=)", "")));
    Map<String, String> values =
        uncommented.stringPropertyNames().stream()
            .collect(Collectors.toMap(name -> name, uncommented::getProperty));
    Settings settings =
        SettingsLoader.load(Optional.of(new ConfigFile(file, values)), Map.of(), Map.of());
    for (SettingKey<?> key : SettingTable.keys()) {
      Optional<?> expected = SettingsLoader.load(Optional.empty(), Map.of(), Map.of()).find(key);
      assertEquals(settings.find(key), expected, key.name());
    }
  }

  @Test
  public void configurationPageIsTheTable() throws IOException {
    Path file = ConfigurationDocuments.repository().resolve("docs").resolve("configuration.md");
    assertSame(file, ConfigurationDocuments.markdown());
  }

  private static void assertSame(Path file, String expected) throws IOException {
    if (Boolean.getBoolean("tsnext.writeDocuments")) {
      Files.writeString(file, expected);
    }
    assertEquals(Files.readString(file), expected, file + " is not what the table says");
  }
}
