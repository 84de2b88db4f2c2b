package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.SettingsLoader;

public class RiskWarningsTest {
  private static List<String> warnings(Map<String, String> file) {
    return RiskWarnings.of(
        SettingsLoader.load(Optional.of(new ConfigFile(Path.of("/c"), file)), Map.of(), Map.of()));
  }

  @Test
  public void defaultsAreNothingToWarnOf() {
    assertEquals(warnings(Map.of()), List.of());
  }

  @Test
  public void tokensThatAreOffAreSaidWithTheirSource() {
    List<String> warnings = warnings(Map.of("disable_token_authorization", "true"));
    assertEquals(warnings.size(), 1);
    assertTrue(warnings.get(0).startsWith("Token authorization is off"), warnings.get(0));
    assertTrue(warnings.get(0).contains("disable_token_authorization, file /c"), warnings.get(0));
  }

  @Test
  public void modelApiIsSaidWithItsSource() {
    List<String> warnings =
        warnings(Map.of("disable_token_authorization", "true", "enable_model_api", "true"));
    assertEquals(warnings.size(), 2);
    assertTrue(warnings.get(1).contains("enable_model_api, file /c"), warnings.get(1));
  }

  @Test
  public void aListOfUrlsThatMatchesAnythingIsSaid() {
    for (String open : List.of(".*", "https?://.*", "file://.*", "s3://.*", "http(s)?://.*/.*")) {
      List<String> warnings =
          warnings(Map.of("disable_token_authorization", "true", "allowed_urls", open));
      assertEquals(warnings.size(), 2, warnings.toString());
      assertTrue(warnings.get(1).contains("allowed_urls (file /c) is very open"), open);
    }
    Map<String, String> narrow =
        Map.of("disable_token_authorization", "true", "allowed_urls", "https://a\\.example/.*");
    assertEquals(warnings(narrow).size(), 1);
  }

  @Test
  public void grpcThatOtherMachinesReachIsSaidWithWhatClosesIt() {
    List<String> warnings = warnings(Map.of("grpc_management_address", "0.0.0.0"));
    assertEquals(warnings.size(), 1, warnings.toString());
    assertTrue(
        warnings.get(0).startsWith("grpc_management_address = 0.0.0.0 (file /c) is open"),
        warnings.get(0));
    assertTrue(warnings.get(0).contains("enable_grpc_ssl=true"), warnings.get(0));
    assertEquals(
        warnings(Map.of("grpc_management_address", "::1", "grpc_inference_address", "localhost")),
        List.of());
    assertEquals(
        warnings(Map.of("grpc_inference_address", "0.0.0.0", "enable_grpc_api", "false")),
        List.of());
    String open =
        warnings(
                Map.of(
                    "grpc_inference_address", "[::]",
                    "enable_grpc_ssl", "true",
                    "tls_self_signed", "true",
                    "disable_token_authorization", "true"))
            .get(1);
    assertTrue(open.contains("they can ask models over gRPC without a token"), open);
    assertFalse(open.contains("enable_grpc_ssl"), open);
  }

  @DataProvider
  public Object[][] addresses() {
    return new Object[][] {
      {"http://127.0.0.1:80", 0},
      {"http://127.1.2.3:80", 0},
      {"http://localhost", 0},
      {"http://[::1]:80", 0},
      {"unix:/tmp/socket", 0},
      {"http://0.0.0.0:80", 1},
      {"http://127.0.0.1.example.org", 1},
      {"http://[::]:80", 1},
      {"http://192.168.0.1:80", 1},
    };
  }

  @Test(dataProvider = "addresses")
  public void addressesThatOthersReachAreSaid(String address, int expected) {
    List<String> warnings =
        warnings(Map.of("disable_token_authorization", "true", "inference_address", address));
    assertEquals(warnings.size(), 1 + expected, warnings.toString());
  }

  private static final String OPEN = "http://0.0.0.0:8000";

  @Test
  public void openInferenceSaysToWhomAndWhatClosesIt() {
    List<String> warnings =
        warnings(Map.of("disable_token_authorization", "true", "inference_address", OPEN));
    assertEquals(
        warnings.get(1),
        "inference_address = http://0.0.0.0:8000 (file /c) is open to other machines: they can ask"
            + " every model without a token (disable_token_authorization=false asks for one); what is"
            + " sent, tokens included, can be read and changed on the way (an https:// address prevents"
            + " it). 127.0.0.1 in its place admits this machine only.");
  }

  @Test
  public void openManagementSaysWhetherModelsCanBeRegistered() {
    List<String> warnings =
        warnings(Map.of("disable_token_authorization", "true", "management_address", OPEN));
    assertTrue(warnings.get(1).contains("describe and scale models without a token"));
    warnings =
        warnings(
            Map.of(
                "disable_token_authorization", "true",
                "management_address", OPEN,
                "enable_model_api", "true"));
    assertTrue(warnings.get(2).contains("register and unregister models, which run code as this"));
  }

  @Test
  public void tokensLeaveTheNetworkToWarnOf() {
    List<String> warnings = warnings(Map.of("inference_address", OPEN, "enable_model_api", "true"));
    assertEquals(warnings.size(), 2);
    assertTrue(
        warnings.get(0).contains("any client with the management token can register models"));
    assertTrue(warnings.get(1).contains("open to other machines: what is sent, tokens included"));
  }

  @Test
  public void openMetricsSayWhatTheyShowAndWhichSettingAsksForAKey() {
    List<String> warnings = warnings(Map.of("metrics_address", OPEN));
    assertEquals(
        warnings,
        List.of(
            "metrics_address = http://0.0.0.0:8000 (file /c) is open to other machines: they can see"
                + " the names of models and how they are used without a token (token_free_routes"
                + " without metrics asks for one); what is sent, tokens included, can be read and"
                + " changed on the way (an https:// address prevents it). 127.0.0.1 in its place"
                + " admits this machine only."));
    warnings =
        warnings(
            Map.of(
                "metrics_address", "https://0.0.0.0",
                "tls_self_signed", "true",
                "token_free_routes", "probes"));
    assertEquals(warnings, List.of());
    assertEquals(
        warnings(Map.of("metrics_address", OPEN, "enable_metrics_api", "false")), List.of());
  }

  @Test
  public void tlsIsNoLongerMissingWhereItIs() {
    List<String> warnings =
        warnings(
            Map.of(
                "disable_token_authorization", "false",
                "inference_address", "https://0.0.0.0",
                "tls_self_signed", "true"));
    assertEquals(warnings, List.of());
  }

  @Test
  public void passwordInTheFileIsSaidAndAReferenceIsNot() {
    Map<String, String> plain =
        Map.of("disable_token_authorization", "true", "private_key_pass", "hunter2");
    assertTrue(warnings(plain).get(1).startsWith("private_key_pass stands in plain text in /c"));
    assertFalse(warnings(plain).get(1).contains("hunter2"));
    Map<String, String> reference =
        Map.of("disable_token_authorization", "true", "private_key_pass", "file:/run/secret");
    assertEquals(warnings(reference).size(), 1);
  }

  @Test
  public void kserveSaysWhatItOpensAndWhatStaysClosed() {
    Map<String, String> file =
        Map.of(
            "kserve", "true",
            "inference_address", "http://0.0.0.0:8085",
            "management_address", "http://0.0.0.0:8085",
            "grpc_inference_address", "0.0.0.0");
    List<String> warnings = warnings(file);
    assertEquals(
        warnings.get(0),
        "KServe is on (kserve = true, file /c): v1 and v2 are served over HTTP on 0.0.0.0:8080 and"
            + " the Open Inference Protocol over gRPC on 0.0.0.0:8081, without TLS. Any client that"
            + " can reach the server can ask every model without a token, on every address."
            + " Management, descriptions of models and /token need their tokens as ever."
            + " kserve=false switches it off.");
    assertTrue(
        warnings.get(1).contains("ask every model without a token (kserve=false asks for one)"),
        warnings.get(1));
    assertFalse(warnings.get(2).contains("without a token"), warnings.get(2));
    assertTrue(
        warnings.get(3).contains("models over gRPC without a token (kserve=false asks for one)"),
        warnings.get(3));
    assertEquals(warnings.size(), 4);
  }
}
