package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.server.settings.Settings.Source;

/** What switches KServe on, and what stands in its way. */
public class KServeTest {

  private static final String PROTOCOL = "PROTOCOL_VERSION";
  private static final String ENVELOPE = "TS_SERVICE_ENVELOPE";
  private static final Map<String, String> BOTH = Map.of(PROTOCOL, "v2", ENVELOPE, "kservev2");
  private static final String STORE = "/mnt/models/model-store";

  private static KServe decided(String mode, String store, Map<String, String> environment) {
    return KServe.of(mode, Source.DEFAULT, Optional.ofNullable(store).map(Path::of), environment);
  }

  /** Everything that is not all three. */
  @DataProvider
  public Object[][] tooFewSigns() {
    return new Object[][] {
      {null, Map.of()},
      {STORE, Map.of()},
      {null, Map.of(PROTOCOL, "v1")},
      {null, Map.of(ENVELOPE, "kserve")},
      {STORE, Map.of(PROTOCOL, "v1")},
      {STORE, Map.of(ENVELOPE, "kserve")},
      {null, BOTH},
      {"/home/model-server/model-store", BOTH},
      {"/mnt/models-of-others", BOTH},
      {"/mnt", BOTH},
      {"/mnt/models/../mine", BOTH},
      {STORE, Map.of(PROTOCOL, "", ENVELOPE, "kserve")},
      {STORE, Map.of(PROTOCOL, "v1", ENVELOPE, " ")},
      {"mnt/models/model-store", BOTH},
    };
  }

  @Test(dataProvider = "tooFewSigns")
  public void nothingIsSwitchedOnByLessThanAllThreeSigns(
      String store, Map<String, String> environment) {
    assertFalse(decided("auto", store, environment).on());
  }

  @Test
  public void allThreeSignsSwitchItOnAndTheReasonNamesThem() {
    for (String store : List.of(STORE, "/mnt/models", "/mnt/models/a/../b/")) {
      KServe kserve = decided("auto", store, BOTH);
      assertTrue(kserve.on(), store);
      assertEquals(
          kserve.reason(),
          "kserve = auto: PROTOCOL_VERSION and TS_SERVICE_ENVELOPE are set, and the model store is"
              + " below /mnt/models");
    }
  }

  @Test
  public void settingDecidesWhateverTheSignsAre() {
    assertFalse(decided("false", STORE, BOTH).on());
    assertTrue(decided("true", null, Map.of()).on());
    assertEquals(decided("true", null, Map.of()).reason(), "kserve = true, default");
  }

  private static Settings load(String... pairs) {
    Map<String, String> file = new HashMap<>(Map.of("kserve", "true"));
    file.put("inference_address", "http://127.0.0.1:8085");
    file.put("management_address", "http://127.0.0.1:8085");
    for (int i = 0; i < pairs.length; i += 2) {
      file.put(pairs[i], pairs[i + 1]);
    }
    return SettingsLoader.load(
        Optional.of(new ConfigFile(Path.of("/c"), file)), Map.of(), Map.of());
  }

  @Test
  public void addressesOfKServesExamplesLeaveItsPortsFree() {
    assertTrue(load().kserve().on());
    assertTrue(
        load("enable_metrics_api", "false", "metrics_address", "http://x:8080").kserve().on());
    assertTrue(load("enable_grpc_api", "false", "grpc_inference_port", "8081").kserve().on());
    assertTrue(
        load("enable_grpc_api", "false", "management_address", "http://x:8081").kserve().on());
    assertFalse(load("kserve", "false", "inference_address", "http://0.0.0.0:8080").kserve().on());
  }

  @DataProvider
  public Object[][] takenPorts() {
    return new Object[][] {
      {"inference_address", "http://0.0.0.0:8080", 8080},
      {"inference_address", "http://127.0.0.1:8081", 8081},
      {"management_address", "http://127.0.0.1:8081", 8081},
      {"management_address", "http://localhost:8080", 8080},
      {"metrics_address", "http://10.0.0.1:8080", 8080},
      {"grpc_inference_port", "8081", 8081},
      {"grpc_management_port", "8080", 8080},
      {"inference_address", "", 8080}, // its default
      {"management_address", "", 8081},
    };
  }

  @Test(dataProvider = "takenPorts")
  public void listenerOnAPortOfKServeFailsTheStartAndSaysWhatToSet(
      String key, String value, int port) {
    List<String> problems =
        expectThrows(InvalidSettingsException.class, () -> load(key, value)).problems();
    assertEquals(problems.size(), 1, problems.toString());
    String problem = problems.get(0);
    assertTrue(problem.startsWith("Invalid configuration: " + key + " = "), problem);
    assertTrue(
        problem.contains("KServe is on (kserve = true, file /c) and has port " + port), problem);
    assertTrue(problem.endsWith("or kserve=false"), problem);
  }

  @Test
  public void wordThatIsNoneOfTheThreeIsRefused() {
    String problem =
        expectThrows(InvalidSettingsException.class, () -> load("kserve", "yes")).getMessage();
    assertTrue(problem.contains("kserve = yes"), problem);
    assertTrue(problem.contains("auto"), problem);
  }
}
