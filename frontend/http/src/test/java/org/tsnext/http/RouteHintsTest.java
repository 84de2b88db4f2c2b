package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.ListenAddress;

/** A wrong port or path is answered with the right one. */
public class RouteHintsTest extends HttpTestBase {

  @Override
  Optional<ListenAddress> metricsAddress() {
    return Optional.of(new ListenAddress.Tcp("127.0.0.1", 0));
  }

  private static String detail(RawResponse response, int status) {
    assertEquals(response.status(), status, response.body());
    JsonElement detail = JsonParser.parseString(response.body()).getAsJsonObject().get("detail");
    return detail == null ? null : detail.getAsString();
  }

  @Test
  public void pathOfAnotherListenerIsToldWithItsAddress() throws Exception {
    assertEquals(
        detail(client().get("/models"), 404),
        "This path is served at http://127.0.0.1:" + managementPort + " (management_address).");
    assertEquals(
        detail(client().get("/metrics"), 404),
        "This path is served at http://127.0.0.1:" + metricsPort + " (metrics_address).");
    assertEquals(
        detail(management().post("/predictions/cats", "x"), 404),
        "This path is served at http://127.0.0.1:" + port + " (inference_address).");
  }

  @DataProvider
  public Object[][] typingErrors() {
    return new Object[][] {
      {"/prediction/cats", "/predictions/{model_name}?"},
      {"/Predictions/cats", "/predictions/{model_name}?"},
      {"/predictions", "/predictions/{model_name}?"},
      {"/predictoins/cats/1.0", "/predictions/{model_name}/{model_version}?"},
      {"/pings", "/ping?"},
      {"/redy", "/ready?"},
      {"/invocation", "/invocations?"},
    };
  }

  @Test(dataProvider = "typingErrors")
  public void nearestRouteIsTold(String path, String expected) throws Exception {
    String detail = detail(client().post(path, "x"), 404);
    assertTrue(detail.startsWith("Did you mean ") && detail.endsWith(expected), detail);
  }

  @Test
  public void pathThatIsLikeNoOtherHasNoHint() throws Exception {
    for (String path : new String[] {"/favicon.ico", "/a/b/c/d", "/" + "x".repeat(900)}) {
      assertNull(detail(client().post(path, "x"), 404), path);
    }
  }

  @Test
  public void callOfGrpcIsToldItsPorts() throws Exception {
    String detail =
        detail(
            client()
                .post("/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions", "x"),
            404);
    assertTrue(detail.contains("grpc_inference_port"), detail);
  }

  @Test
  public void methodsOfThePathAreTold() throws Exception {
    String detail = detail(management().request("PATCH", "/models", null).read(), 405);
    assertEquals(detail, "Method PATCH is not one of this path: GET, HEAD, POST.");
  }
}
