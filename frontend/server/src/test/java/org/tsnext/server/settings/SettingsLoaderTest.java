package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.settings.Settings.Source;
import org.tsnext.server.settings.SettingsLoader.Given;

public class SettingsLoaderTest {
  private static final Path FILE = Path.of("/etc/ts/config.properties");

  private static Settings load(Map<String, String> file) {
    return load(file, Map.of(), Map.of());
  }

  private static Settings load(
      Map<String, String> file, Map<String, Given> options, Map<String, String> environment) {
    return SettingsLoader.load(Optional.of(new ConfigFile(FILE, file)), options, environment);
  }

  private static String problem(Map<String, String> file) {
    List<String> problems =
        expectThrows(InvalidSettingsException.class, () -> load(file)).problems();
    assertEquals(problems.size(), 1, problems.toString());
    return problems.get(0);
  }

  /** Which of file, command line, environment are given; whether the environment may be used. */
  @DataProvider
  public Object[][] precedence() {
    return new Object[][] {
      {false, false, false, false, "", "default"},
      {true, false, false, false, "file", "file " + FILE},
      {false, true, false, false, "line", "command line --models"},
      {true, true, false, false, "line", "command line --models"},
      {false, false, true, false, "", "default"},
      {true, false, true, false, "file", "file " + FILE},
      {true, true, true, false, "line", "command line --models"},
      {false, false, true, true, "variable", "environment TS_LOAD_MODELS"},
      {true, false, true, true, "variable", "environment TS_LOAD_MODELS"},
      {false, true, true, true, "variable", "environment TS_LOAD_MODELS"},
      {true, true, true, true, "variable", "environment TS_LOAD_MODELS"},
      {true, true, false, true, "line", "command line --models"},
    };
  }

  @Test(dataProvider = "precedence")
  public void environmentBeatsCommandLineBeatsFileBeatsDefault(
      boolean inFile,
      boolean onLine,
      boolean inEnvironment,
      boolean enabled,
      String value,
      String source) {
    Map<String, String> file = new HashMap<>();
    file.put("enable_envvars_config", String.valueOf(enabled));
    if (inFile) {
      file.put("load_models", "file");
    }
    Settings settings =
        load(
            file,
            onLine ? Map.of("load_models", new Given("--models", "line")) : Map.of(),
            inEnvironment ? Map.of("TS_LOAD_MODELS", "variable") : Map.of());
    assertEquals(
        settings.find(ModelKeys.LOAD_MODELS).orElse(List.of()),
        value.isEmpty() ? List.of() : List.of(value));
    assertEquals(settings.source(ModelKeys.LOAD_MODELS).toString(), source);
  }

  @Test
  public void environmentCannotSwitchItselfOn() {
    Settings settings =
        load(
            Map.of(),
            Map.of(),
            Map.of("TS_ENABLE_ENVVARS_CONFIG", "true", "TS_JOB_QUEUE_SIZE", "7"));
    assertEquals(settings.get(WorkerKeys.JOB_QUEUE_SIZE), Integer.valueOf(100));
  }

  @Test
  public void fileOnlyKeysFromTheEnvironmentAreIgnoredWithAWarning() {
    Settings settings =
        load(
            Map.of("enable_envvars_config", "true"), Map.of(), Map.of("TS_USE_NATIVE_IO", "false"));
    assertTrue(settings.get(ListenerKeys.USE_NATIVE_IO));
    assertEquals(settings.warnings().size(), 1);
    assertTrue(settings.warnings().get(0).contains("TS_USE_NATIVE_IO"));
  }

  @Test
  public void tokenLifeHasAVariableOfItsOwn() {
    Settings settings =
        load(
            Map.of("enable_envvars_config", "true"),
            Map.of(),
            Map.of("TS_TOKEN_EXPIRATION_TIME_MIN", "0.5", "TS_TOKEN_EXPIRATION_MIN", "9"));
    assertEquals(settings.get(SecurityKeys.TOKEN_EXPIRATION_MIN), Duration.ofSeconds(30));
  }

  @Test
  public void sequenceHeaderVariablesHaveOnePrefix() {
    Settings settings =
        load(
            Map.of("enable_envvars_config", "true"),
            Map.of(),
            Map.of("TS_HEADER_KEY_SEQUENCE_ID", "x-sequence"));
    assertEquals(settings.get(WorkerKeys.SEQUENCE_ID), "x-sequence");
  }

  @Test
  public void allowedUrlsFromTheEnvironmentNeedBothSwitches() {
    Map<String, String> variable = Map.of("TS_ALLOWED_URLS", "https://models[.]example/.*");
    Map<String, String> one = Map.of("enable_envvars_config", "true");
    Map<String, String> both =
        Map.of("enable_envvars_config", "true", "use_env_allowed_urls", "true");
    assertFalse(load(one, Map.of(), variable).isSet(SourceKeys.ALLOWED_URLS));
    assertTrue(load(both, Map.of(), variable).isSet(SourceKeys.ALLOWED_URLS));
  }

  @Test
  public void openInferenceProtocolVariableNeedsNoSwitch() {
    Map<String, String> on = Map.of("ts_open_inference_protocol", "true");
    assertTrue(
        load(Map.of(), Map.of(), Map.of("TS_OPEN_INFERENCE_PROTOCOL", "oip"))
            .get(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL));
    assertFalse(
        load(on, Map.of(), Map.of("TS_OPEN_INFERENCE_PROTOCOL", ""))
            .get(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL));
  }

  @Test
  public void homeOfTheCommandLineBeatsAVariableLeftFromAnotherInstallation() {
    Map<String, String> leftOver = Map.of("TS_MODEL_SERVER_HOME", "/nowhere/site-packages");
    Given home = new Given("--ts-home", "/tmp");
    Settings settings = load(Map.of(), Map.of("model_server_home", home), leftOver);
    assertEquals(settings.find(ServerKeys.MODEL_SERVER_HOME), Optional.of(Path.of("/tmp")));
    assertTrue(settings.notes().get(0).contains("TS_MODEL_SERVER_HOME"));
    InvalidSettingsException alone =
        expectThrows(InvalidSettingsException.class, () -> load(Map.of(), Map.of(), leftOver));
    assertTrue(alone.getMessage().contains("/nowhere/site-packages"));
  }

  @Test
  public void emptyValueTakesAWeakerOneBack() {
    Settings settings =
        load(
            Map.of("enable_envvars_config", "true", "load_models", "all", "job_queue_size", ""),
            Map.of(),
            Map.of("TS_LOAD_MODELS", ""));
    assertEquals(settings.find(ModelKeys.LOAD_MODELS), Optional.empty());
    assertEquals(settings.get(WorkerKeys.JOB_QUEUE_SIZE), Integer.valueOf(100));
  }

  @Test
  public void referencesToVariablesAreReplaced() {
    Settings settings =
        load(
            Map.of("load_models", "$$FIRST$$,$$SECOND$$.mar"),
            Map.of(),
            Map.of("FIRST", "a$1", "SECOND", "b"));
    assertEquals(settings.get(ModelKeys.LOAD_MODELS), List.of("a$1", "b.mar"));
  }

  @Test
  public void referenceMayAllowTheEnvironment() {
    Map<String, String> file = Map.of("enable_envvars_config", "$$ALLOW$$");
    Map<String, String> environment = Map.of("ALLOW", "true", "TS_JOB_QUEUE_SIZE", "7");
    assertEquals(
        load(file, Map.of(), environment).get(WorkerKeys.JOB_QUEUE_SIZE), Integer.valueOf(7));
  }

  /** Free texts aside: what they mean is known to those who use them. */
  @Test
  public void everyKeyThatIsNoFreeTextRefusesNonsense() {
    List<String> closed =
        List.of("a whole number", "true or false", "one of", "a directory", "a file", "minutes");
    int refused = 0;
    for (SettingKey<?> key : SettingTable.keys()) {
      String expected = key.type().expected();
      if (closed.stream().anyMatch(expected::startsWith)) {
        String problem = problem(Map.of(key.name(), "\u2603 nonsense"));
        assertTrue(
            problem.startsWith("Invalid configuration: " + key.name() + " = ")
                && problem.endsWith("expected " + expected),
            problem);
        refused++;
      }
    }
    assertTrue(refused > 40, "of all keys only " + refused);
  }

  @Test
  public void referenceToAnUnknownVariableIsRefused() {
    assertEquals(
        problem(Map.of("model_store", "$$NOT_THERE$$")),
        "Invalid configuration: model_store = $$NOT_THERE$$ (file /etc/ts/config.properties):"
            + " Invalid Environment Variable NOT_THERE, expected one that is set for the server");
  }

  @DataProvider
  public Object[][] badValues() {
    return new Object[][] {
      {"job_queue_size", "many", "a whole number from 1 to 1000000"},
      {"job_queue_size", "0", "a whole number from 1 to 1000000"},
      {"job_queue_size", "1.5", "a whole number from 1 to 1000000"},
      {"max_request_size", "2147483648", "a whole number from 1 to 2147483647"},
      {"default_response_timeout", "-1", "a whole number of seconds, 1 or more"},
      {"enable_model_api", "yes", "true or false"},
      {"metrics_mode", "both", "one of log, prometheus, legacy"},
      {"worker_transport", "pipe", "one of unix, tcp"},
      {"blacklist_env_vars", "(", "a regular expression"},
      {"allowed_urls", "https://a/.*,[", "regular expressions separated by commas"},
      {
        "allowed_private_hosts",
        "10.0.0.0/33",
        "host[:port], [IPv6 address][:port] or address/bits, separated by commas"
      },
      {"model_store", "/no/such/folder", "a directory that exists and can be read"},
      {"metrics_config", "/no/such/file", "a file that exists and can be read"},
      {"token_expiration_min", "-1", "minutes as a number, fractions allowed, or never"},
      {"token_expiration_min", "soon", "minutes as a number, fractions allowed, or never"},
      {
        "inference_address",
        "127.0.0.1:80",
        "http://host[:port], https://host[:port] or unix:/absolute/path"
      },
      {
        "inference_address",
        "unix:relative",
        "http://host[:port], https://host[:port] or unix:/absolute/path"
      },
      {
        "inference_address",
        "unix:/" + "d".repeat(107),
        "the path of a Unix-domain socket, of at most 107 bytes; this one has 108"
      },
      {
        "management_address",
        "http://h:65536",
        "http://host[:port], https://host[:port] or unix:/absolute/path"
      },
      {"models", "[1]", "a JSON object: model name, version, settings"},
      {"models", "{\"m\": {\"1.0\": 3}}", "a JSON object: model name, version, settings"},
      {"ts_header_key_sequence_id", "a b", "the name of an HTTP header"},
      {"cors_allowed_origin", "a\u0007b", "a header value of printable ASCII"},
      {"grpc_inference_port", "70000", "a whole number from 0 to 65535"},
    };
  }

  @Test(dataProvider = "badValues")
  public void badValueIsNamedWithItsKeySourceAndWhatWasExpected(
      String key, String value, String expected) {
    assertEquals(
        problem(Map.of(key, value)),
        "Invalid configuration: "
            + key
            + " = "
            + value
            + " (file "
            + FILE
            + "): expected "
            + expected);
  }

  @DataProvider
  public Object[][] incompleteTls() {
    return new Object[][] {
      {Map.of("inference_address", "https://localhost:8443"), "https needs a key"},
      {Map.of("private_key_file", "/k"), "expected certificate_file beside it"},
      {Map.of("certificate_file", "/c"), "expected private_key_file beside it"},
      {Map.of("keystore", "/k"), "expected keystore_pass beside it"},
      {
        Map.of(
            "inference_address", "https://localhost:8443",
            "management_address", "http://localhost:8443",
            "tls_self_signed", "true"),
        "with another scheme"
      },
      {Map.of("metrics_address", "https://localhost:8443"), "https needs a key"},
      {
        Map.of("metrics_address", "http://127.0.0.1:8081"),
        "management_address has the same place: expected another one, or enable_metrics_api=false"
      },
      {
        Map.of(
            "metrics_address", "https://127.0.0.1:8080",
            "tls_self_signed", "true"),
        "inference_address has the same place"
      },
      {
        Map.of("inference_address", "unix:/tmp/one", "metrics_address", "unix:/tmp/one"),
        "inference_address has the same place"
      },
    };
  }

  @Test(dataProvider = "incompleteTls")
  public void incompleteTlsIsRefusedInWords(Map<String, String> values, String expected) {
    String problem = problem(values);
    assertTrue(problem.contains(expected), problem);
  }

  @Test
  public void completeTlsIsAccepted() {
    Settings settings =
        load(
            Map.of(
                "inference_address", "https://localhost",
                "management_address", "https://localhost",
                "keystore", "/k",
                "keystore_pass", "env:P"));
    assertEquals(
        settings.get(ListenerKeys.INFERENCE_ADDRESS),
        new ListenAddress.Tcp("localhost", 443, true));
    assertEquals(
        settings.get(ListenerKeys.MANAGEMENT_ADDRESS),
        new ListenAddress.Tcp("localhost", 8444, true));
    assertEquals(settings.warnings(), List.of());
  }

  @Test
  public void addressOfAMetricsListenerThatStaysClosedMayBeAnything() {
    Settings settings =
        load(
            Map.of(
                "metrics_address", "https://127.0.0.1:8080",
                "enable_metrics_api", "false"));
    assertEquals(settings.warnings(), List.of());
  }

  @Test
  public void metricsAddressMayLackThePort() {
    Settings plain = load(Map.of("metrics_address", "http://[::1]"));
    assertEquals(
        plain.get(ListenerKeys.METRICS_ADDRESS), new ListenAddress.Tcp("::1", 8082, false));
    Settings tls = load(Map.of("metrics_address", "https://[::1]", "tls_self_signed", "true"));
    assertEquals(tls.get(ListenerKeys.METRICS_ADDRESS), new ListenAddress.Tcp("::1", 8445, true));
  }

  @Test
  public void longValueIsCutInAComplaint() {
    String problem = problem(Map.of("models", "[" + "1,".repeat(10_000) + "1]"));
    assertTrue(problem.length() < 600, problem);
  }

  @Test
  public void valueOfSeveralLinesIsDescribedInOne() {
    String described = load(Map.of("models", "{\n  \"m\":\n  {}\n}")).describe();
    assertTrue(described.contains("\nmodels = { \"m\": {} } (file "), described);
  }

  @Test
  public void allProblemsAreReportedTogether() {
    InvalidSettingsException e =
        expectThrows(
            InvalidSettingsException.class,
            () -> load(Map.of("job_queue_size", "x", "debug", "maybe")));
    assertEquals(e.problems().size(), 2);
  }

  @Test
  public void unixSocketsNeedNativeIo() {
    String problem = problem(Map.of("inference_address", "unix:/tmp/x", "use_native_io", "false"));
    assertTrue(problem.contains("use_native_io is false"), problem);
    problem = problem(Map.of("worker_transport", "unix", "use_native_io", "false"));
    assertTrue(problem.contains("expected tcp"), problem);
  }

  @Test
  public void blanksAroundValuesAreDropped() {
    Settings settings = load(Map.of(), Map.of("debug", new Given("--debug", " false ")), Map.of());
    assertFalse(settings.get(WorkerKeys.DEBUG));
  }

  @Test
  public void unknownKeyIsAWarningWithASuggestion() {
    List<String> warnings = load(Map.of("job_que_size", "3", "qwertz", "1")).warnings();
    assertEquals(
        warnings,
        List.of(
            "Unknown setting job_que_size in " + FILE + " is ignored. Did you mean job_queue_size?",
            "Unknown setting qwertz in " + FILE + " is ignored."));
  }

  @DataProvider
  public Object[][] missingFeatures() {
    return new Object[][] {
      {"plugins_path", "/plugins"},
      {"cpp_log_config", "/log.yaml"},
      {"debug", "true"},
    };
  }

  @Test(dataProvider = "missingFeatures")
  public void settingThatAsksForAMissingFeatureIsAWarning(String key, String value) {
    List<String> warnings = load(Map.of(key, value)).warnings();
    assertEquals(warnings.size(), 1, warnings.toString());
    assertTrue(warnings.get(0).startsWith(key + " = " + value + " (file "), warnings.get(0));
    assertTrue(warnings.get(0).contains(") has no effect: "), warnings.get(0));
  }

  @Test
  public void settingThatDoesNotAskForTheMissingFeatureIsSilent() {
    Map<String, String> harmless =
        Map.of(
            "metrics_mode", "prometheus",
            "cpu_launcher_enable", "true",
            "enable_metrics_api", "true");
    assertEquals(load(harmless).warnings(), List.of());
  }

  @Test
  public void settingsWithoutEffectAreNotes() {
    Settings settings = load(Map.of("netty_client_threads", "4"));
    assertEquals(settings.warnings(), List.of());
    assertEquals(settings.notes().size(), 1);
    assertTrue(settings.notes().get(0).startsWith("netty_client_threads = 4 (file "));
  }

  @Test
  public void addressesMayLackThePortAndBeIpv6() {
    Settings settings =
        load(Map.of("inference_address", "http://0.0.0.0", "management_address", "http://[::1]"));
    assertEquals(
        settings.get(ListenerKeys.INFERENCE_ADDRESS), new ListenAddress.Tcp("0.0.0.0", 80));
    assertEquals(settings.get(ListenerKeys.MANAGEMENT_ADDRESS), new ListenAddress.Tcp("::1", 8081));
  }

  @Test
  public void descriptionHasEveryKeyWithItsSourceAndHidesSecrets() {
    String text = load(Map.of("keystore_pass", "hunter2", "job_queue_size", "7")).describe();
    assertFalse(text.contains("hunter2"), text);
    assertTrue(text.contains("job_queue_size = 7 (file " + FILE + ")\n"), text);
    assertTrue(text.contains("enable_model_api = false (default)\n"), text);
    for (SettingKey<?> key : SettingTable.keys()) {
      assertTrue(text.contains("\n" + key.name() + " = "), key.name());
    }
  }

  @Test
  public void interpreterOfTheFileThatIsNotUsedIsAWarning() {
    Map<String, Given> options = Map.of("python", new Given("--python", "/env/bin/python"));
    List<String> warnings =
        load(Map.of("python", "/usr/bin/python3"), options, Map.of()).warnings();
    assertEquals(warnings.size(), 1, warnings.toString());
    assertTrue(
        warnings.get(0).startsWith("python = /usr/bin/python3 (file " + FILE + ") is not used"),
        warnings.get(0));
    assertTrue(warnings.get(0).contains("/env/bin/python"), warnings.get(0));
    assertEquals(
        load(Map.of("python", "/env/bin/python"), options, Map.of()).warnings(), List.of());
  }

  @Test
  public void sourcesSayWhereFrom() {
    assertEquals(new Source(Source.Kind.DEFAULT, "").toString(), "default");
  }

  @Test
  public void envelopeThatIsNoModuleOfThePackageIsRefused() throws IOException {
    Path home = Files.createTempDirectory("tsnext-home");
    Path folder = home.resolve("ts/torch_handler/request_envelope");
    Files.createDirectories(folder);
    Path module = Files.createFile(folder.resolve("mine.py"));
    Map<String, String> file =
        Map.of("model_server_home", home.toString(), "service_envelope", "mine");
    assertEquals(load(file).get(ModelKeys.SERVICE_ENVELOPE), "mine");
    String refused =
        problem(Map.of("model_server_home", home.toString(), "service_envelope", "jsom"));
    assertEquals(
        refused,
        "Invalid configuration: service_envelope = jsom (file "
            + FILE
            + "): expected body, json, kserve, kservev2 or another module in "
            + folder);
    for (Path made = module; !made.equals(home.getParent()); made = made.getParent()) {
      Files.delete(made);
    }
  }
}
