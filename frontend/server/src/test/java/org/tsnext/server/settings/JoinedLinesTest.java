package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.Test;

public class JoinedLinesTest {
  private static final Path FILE = Path.of("/etc/sagemaker-ts.properties");

  private static Settings load(Map<String, String> file) {
    return SettingsLoader.load(Optional.of(new ConfigFile(FILE, file)), Map.of(), Map.of());
  }

  private static String problem(Map<String, String> file) {
    return expectThrows(InvalidSettingsException.class, () -> load(file)).getMessage();
  }

  @Test
  public void settingsWithoutLineBreakBetweenThemAreReadAsTwo() {
    Settings settings = load(Map.of("enable_model_api", "truedefault_response_timeout=60"));

    assertTrue(settings.get(ModelKeys.ENABLE_MODEL_API));
    assertEquals(settings.get(WorkerKeys.DEFAULT_RESPONSE_TIMEOUT), Duration.ofSeconds(60));
    assertEquals(
        settings.warnings(),
        List.of(
            FILE
                + ": a line break is missing between enable_model_api=true and"
                + " default_response_timeout=60; both are read as lines of their own."));
  }

  @Test
  public void joinedSettingsAreAnyTwoKnownOnes() {
    Settings settings =
        load(
            Map.of(
                "decode_input_request", "falsegrpc_inference_port=7070",
                "default_workers_per_model", "1inference_address=http://0.0.0.0:8080"));

    assertFalse(settings.get(WorkerKeys.DECODE_INPUT_REQUEST));
    assertEquals(settings.get(GrpcKeys.INFERENCE_PORT), Integer.valueOf(7070));
    assertEquals(settings.get(WorkerKeys.DEFAULT_WORKERS_PER_MODEL), Integer.valueOf(1));
    assertEquals(settings.get(ListenerKeys.INFERENCE_ADDRESS).toString(), "http://0.0.0.0:8080");
  }

  @Test
  public void settingOnLineOfItsOwnWinsOverJoinedOne() {
    Settings settings =
        load(
            Map.of(
                "enable_model_api", "truedefault_response_timeout=60",
                "default_response_timeout", "30"));

    assertEquals(settings.get(WorkerKeys.DEFAULT_RESPONSE_TIMEOUT), Duration.ofSeconds(30));
  }

  @Test
  public void onlyKnownSettingsAreLookedForInInvalidValue() {
    assertTrue(problem(Map.of("enable_model_api", "truenonsense=60")).contains("true or false"));
    assertTrue(problem(Map.of("enable_model_api", "yesvmargs=-Xmx1g")).contains("true or false"));
    assertTrue(problem(Map.of("enable_model_api", "1")).contains("true or false"));
  }

  @Test
  public void warningAboutJoinedSettingsShowsNoSecret() {
    Settings settings = load(Map.of("enable_grpc_ssl", "falsekeystore_pass=hunter2"));

    assertTrue(settings.warnings().stream().noneMatch(line -> line.contains("hunter2")));
    assertTrue(settings.warnings().get(0).contains("keystore_pass=***"));
  }

  @Test
  public void textThatIsValidAsItStandsIsNotParted() {
    Settings settings = load(Map.of("load_models", "allenable_model_api=true"));

    assertFalse(settings.get(ModelKeys.ENABLE_MODEL_API));
  }
}
