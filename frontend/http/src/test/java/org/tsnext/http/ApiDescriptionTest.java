package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;

public class ApiDescriptionTest extends HttpTestBase {

  private static final Pattern PATH_PARAMETER = Pattern.compile("\\{([^}]+)}");

  private static JsonObject options(RawClient client, String path) throws Exception {
    RawClient.RawResponse response = client.request("OPTIONS", path, null).read();
    assertEquals(response.status(), 200, response.body());
    return JsonParser.parseString(response.body()).getAsJsonObject();
  }

  /** Each operation's id; also checks what a validator would: unique ids, declared parameters. */
  private static Set<String> checkedOperations(JsonObject document) {
    assertEquals(document.get("openapi").getAsString(), "3.0.1");
    Set<String> ids = new HashSet<>();
    for (Map.Entry<String, JsonElement> path : document.getAsJsonObject("paths").entrySet()) {
      Set<String> inPath = new HashSet<>();
      Matcher matcher = PATH_PARAMETER.matcher(path.getKey());
      while (matcher.find()) {
        inPath.add(matcher.group(1));
      }
      for (JsonElement element : path.getValue().getAsJsonObject().asMap().values()) {
        JsonObject operation = element.getAsJsonObject();
        assertTrue(ids.add(operation.get("operationId").getAsString()), path.getKey());
        assertTrue(operation.getAsJsonObject("responses").size() > 1);
        assertEquals(pathParameters(operation), inPath, path.getKey());
      }
    }
    return ids;
  }

  private static Set<String> pathParameters(JsonObject operation) {
    Set<String> names = new HashSet<>();
    if (operation.has("parameters")) {
      for (JsonElement parameter : operation.getAsJsonArray("parameters")) {
        if (parameter.getAsJsonObject().get("in").getAsString().equals("path")) {
          names.add(parameter.getAsJsonObject().get("name").getAsString());
        }
      }
    }
    return names;
  }

  @Test
  public void toolsFindTheDescriptionOfEachListener() throws Exception {
    for (RawClient client : List.of(client(), management())) {
      assertEquals(client.get("/openapi.json").body(), client.get("/api-description").body());
    }
  }

  @Test
  public void inferenceApiIsDescribed() throws Exception {
    JsonObject document = options(client(), "/");
    JsonObject information = document.getAsJsonObject("info");
    assertEquals(information.get("title").getAsString(), "TorchServe APIs");
    assertEquals(information.get("version").getAsString(), "1.0.0");
    assertFalse(document.toString().contains("security"), "no keys are asked for");
    Set<String> ids = checkedOperations(document);
    assertTrue(
        ids.containsAll(
            List.of(
                "apiDescription", "ping", "predictions", "version_predictions", "api-description")),
        ids.toString());
    assertEquals(
        JsonParser.parseString(client().get("/api-description").body()).getAsJsonObject(),
        document);
  }

  @Test
  public void managementApiIsDescribed() throws Exception {
    Set<String> ids = checkedOperations(options(management(), "/"));
    assertTrue(
        ids.containsAll(
            List.of(
                "apiDescription",
                "listModels",
                "registerModel",
                "describeModel",
                "setAutoScale",
                "unregisterModel",
                "version_describeModel",
                "version_setAutoScale",
                "version_unregisterModel",
                "setDefault",
                "api-description")),
        ids.toString());
  }

  @Test
  public void modelsHaveDescriptionsOfTheirOwn() throws Exception {
    JsonObject predictions = options(client(), "/predictions/cats");
    assertEquals(
        predictions.getAsJsonObject("info").get("title").getAsString(), "RESTful API for: cats");
    assertTrue(checkedOperations(predictions).contains("cats"));
    assertTrue(predictions.getAsJsonObject("paths").has("/predictions/cats"));
    assertEquals(options(client(), "/explanations/cats/2.0"), predictions);
    assertEquals(options(client(), "/v1/models/cats:predict"), predictions);
    assertEquals(options(client(), "/v2/models/cats/infer"), predictions);
    assertEquals(options(client(), "/invocations?model_name=cats"), predictions);
    assertEquals(client().request("OPTIONS", "/invocations", null).read().status(), 400);
    startUpModels.add("cats");
    assertEquals(options(client(), "/invocations"), predictions);
    JsonObject management = options(management(), "/models/cats");
    assertEquals(
        management.getAsJsonObject("info").get("title").getAsString(),
        "RESTful Management API for: cats");
    assertTrue(checkedOperations(management).contains("version_setAutoScale"));
    assertTrue(management.getAsJsonObject("paths").has("/models/cats/{model_version}"));
    assertEquals(client().request("OPTIONS", "/predictions/dogs", null).read().status(), 404);
    assertEquals(client().request("OPTIONS", "/predictions/cats/9", null).read().status(), 404);
  }

  @Test
  public void everyStatusOfARouteIsDescribedAndEveryReferenceLeadsSomewhere() throws Exception {
    for (RawClient client : List.of(client(), management())) {
      JsonObject document = options(client, "/");
      JsonObject components = document.getAsJsonObject("components");
      Matcher references =
          Pattern.compile("#/components/(\\w+)/(\\w+)").matcher(document.toString());
      while (references.find()) {
        assertTrue(
            components.getAsJsonObject(references.group(1)).has(references.group(2)),
            references.group());
      }
      for (JsonElement path : document.getAsJsonObject("paths").asMap().values()) {
        for (JsonElement operation : path.getAsJsonObject().asMap().values()) {
          Set<String> statuses =
              operation.getAsJsonObject().getAsJsonObject("responses").asMap().keySet();
          assertTrue(
              statuses.containsAll(List.of("200", "400", "401", "413", "431", "500", "503")),
              operation.toString());
        }
      }
    }
    JsonObject paths = options(management(), "/").getAsJsonObject("paths");
    JsonObject register = paths.getAsJsonObject("/models").getAsJsonObject("post");
    assertTrue(
        register
            .getAsJsonObject("responses")
            .asMap()
            .keySet()
            .containsAll(List.of("200", "202", "206", "404", "405", "409", "507")));
    JsonObject form =
        register
            .getAsJsonObject("requestBody")
            .getAsJsonObject("content")
            .getAsJsonObject("application/json");
    assertTrue(form.toString().contains("initial_workers"), form.toString());
    assertTrue(
        paths.getAsJsonObject("/api-description").toString().contains("\"deprecated\":true"));
  }

  @Test
  public void anAddressForBothApisDescribesBoth() throws Exception {
    int both = port(bindOnOneAddress().get(0));
    Set<String> ids = checkedOperations(options(client(both), "/"));
    assertTrue(ids.containsAll(List.of("predictions", "ping", "registerModel", "setDefault")));
  }

  @Test
  public void everyKindOfErrorHasADescription() throws Exception {
    JsonObject described =
        options(client(), "/").getAsJsonObject("components").getAsJsonObject("responses");
    for (ErrorKind kind : ErrorKind.values()) {
      // The response to a request that was cancelled is not read.
      assertTrue(
          kind == ErrorKind.CANCELLED || described.has("Error" + kind.httpStatus()), kind.name());
    }
  }
}
