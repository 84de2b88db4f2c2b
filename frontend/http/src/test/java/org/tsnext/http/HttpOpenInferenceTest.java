package org.tsnext.http;

import static org.testng.Assert.assertEquals;

import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.FakeInference.Seen;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.OpenInferenceSettings;

/** The Open Inference Protocol beside its predictions, where it is switched on. */
public class HttpOpenInferenceTest extends HttpTestBase {

  @Override
  OpenInferenceSettings openInference() {
    return new OpenInferenceSettings(true, Runnable::run);
  }

  @Test
  public void serverTellsWhatItIsAlsoUnderTheOldMisspeltName() throws Exception {
    RawResponse response = client().get("/v2");
    assertEquals(response.status(), 200);
    assertEquals(
        response.body(),
        """
        {
          "name": "Torchserve",
          "version": "1.0.0",
          "extensions": [
            "kserve",
            "kubeflow"
          ],
          "extenstion": [
            "kserve",
            "kubeflow"
          ]
        }
        """);
  }

  @Test
  public void serverIsReadyByTheDecisionOfTheCore() throws Exception {
    RawClient client = client();
    assertResponse(client.get("/v2/health/ready"), 200, "{\n  \"ready\": true\n}\n");
    models.ready = false;
    assertResponse(client.get("/v2/health/ready"), 503, "{\n  \"ready\": false\n}\n");
    assertResponse(client.get("/v2/health/live"), 200, "{\n  \"live\": true\n}\n");
  }

  @DataProvider
  public Object[][] models() {
    return new Object[][] {{"/v2/models/cats"}, {"/v2/models/cats/versions/2.0"}};
  }

  @Test(dataProvider = "models")
  public void modelTellsItsVersionsAndWhetherItIsReady(String path) throws Exception {
    RawClient client = client();
    assertResponse(
        client.get(path),
        200,
        """
        {
          "name": "cats",
          "versions": [
            "1.0",
            "2.0"
          ],
          "platform": "",
          "inputs": [],
          "outputs": []
        }
        """);
    String readiness = "{\n  \"name\": \"cats\",\n  \"ready\": %s\n}\n";
    assertResponse(client.get(path + "/ready"), 200, readiness.formatted(true));
    models.ready = false;
    assertResponse(client.get(path + "/ready"), 503, readiness.formatted(false));
  }

  @Test
  public void unknownModelsAndVersionsAreNotFound() throws Exception {
    RawClient client = client();
    for (String path : new String[] {"/v2/models/dogs", "/v2/models/cats/versions/9"}) {
      assertEquals(client.get(path).status(), 404, path);
      assertEquals(client.get(path + "/ready").status(), 404, path);
    }
  }

  @DataProvider
  public Object[][] predictions() {
    return new Object[][] {{"infer", RequestKind.PREDICT}, {"explain", RequestKind.EXPLAIN}};
  }

  @Test(dataProvider = "predictions")
  public void predictionsMayNameAVersion(String verb, RequestKind kind) throws Exception {
    client().post("/v2/models/cats/versions/2.0/" + verb, "{}");
    Seen seen = inference.next();
    assertEquals(Optional.of(seen.version()), Optional.of("2.0"));
    assertEquals(seen.model(), "cats");
    assertEquals(seen.kind(), kind);
  }

  private static void assertResponse(RawResponse response, int status, String body) {
    assertEquals(response.body(), body);
    assertEquals(response.status(), status);
  }
}
