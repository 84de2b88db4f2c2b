package org.tsnext.server.snapshot;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;

/** The JSON of snapshots, as it is written and as others have written it. */
public class SnapshotJsonTest {

  /** As the Kubernetes samples of TorchServe 0.12 have it. */
  private static final String BY_HAND =
      """
      {"name":"startup.cfg","modelCount":1,"models":{"mnist":{"1.0":{"defaultVersion":true,
       "marName":"mnist.mar","minWorkers":1,"maxWorkers":5,"batchSize":3,"maxBatchDelay":200,
       "responseTimeout":60}}}}
      """;

  private static SavedModel one(String json) {
    List<SavedModel> models = SnapshotJson.read(json).models();
    assertEquals(models.size(), 1);
    return models.get(0);
  }

  private static JsonObject written(SavedModel model) {
    String json =
        SnapshotJson.write(new Snapshot("x.cfg", Optional.of(Instant.EPOCH), List.of(model)));
    return JsonParser.parseString(json)
        .getAsJsonObject()
        .getAsJsonObject("models")
        .getAsJsonObject(model.name())
        .getAsJsonObject(model.version());
  }

  @Test
  public void handWrittenSnapshotIsARegistrationWithAllItsValues() {
    SavedModel model = one(BY_HAND);
    RegisterModel request = model.request();
    assertEquals(request.source().url(), "mnist.mar");
    assertEquals(request.modelName(), Optional.of("mnist"));
    assertEquals(request.requested().initialWorkers(), OptionalInt.of(1));
    assertEquals(request.requested().batchSize(), OptionalInt.of(3));
    assertEquals(request.requested().maxBatchDelay(), Optional.of(Duration.ofMillis(200)));
    assertEquals(request.requested().responseTimeout(), Optional.of(Duration.ofSeconds(60)));
    assertEquals(request.requested().startupTimeout(), Optional.empty());
    assertTrue(request.origin().trusted() && !request.synchronous());
    assertEquals(model.scaling(), Optional.of(new ScaleModel(1, 5, false, Optional.empty())));
  }

  @Test
  public void delayBelowZeroOfTheOriginalCountsAsAbsent() {
    String json = BY_HAND.replace("\"maxBatchDelay\":200", "\"maxBatchDelay\":-10000");
    assertEquals(one(json).request().requested().maxBatchDelay(), Optional.empty());
  }

  @Test
  public void membersThatTheOriginalNeedsAreWritten() {
    JsonObject json = written(Samples.model("m", "1.0", "m.mar"));
    assertTrue(json.get("defaultVersion").getAsBoolean());
    assertEquals(json.get("marName").getAsString(), "m.mar");
    assertEquals(json.get("minWorkers").getAsInt(), 2);
    assertEquals(json.get("maxWorkers").getAsInt(), 2);
    assertEquals(json.get("batchSize").getAsInt(), 8);
    assertEquals(json.get("maxBatchDelay").getAsInt(), 7);
    assertEquals(json.get("responseTimeout").getAsInt(), 33);
    assertEquals(json.get("startupTimeout").getAsInt(), 120);
    assertEquals(json.get("runtimeType").getAsString(), "python");
    assertFalse(json.has("parallelLevel"));
  }

  @Test
  public void wholeRegistrationComesBack() {
    SavedModel before = SavedModel.of(Samples.registered("m", "1.0", "m.mar", true));
    String json =
        SnapshotJson.write(new Snapshot("x", Optional.of(Instant.EPOCH), List.of(before)));
    SavedModel after = one(json);
    assertEquals(after.request(), before.request());
    assertEquals(after.request().handler(), Optional.of("other.py:handle"));
    assertFalse(after.request().origin().trusted());
    assertEquals(
        after.request().requested().batchSize(), OptionalInt.empty(), "no request set one");
    assertEquals(after.scaling(), Optional.of(new ScaleModel(2, 4, false, Optional.empty())));
    SavedModel unscaled = SavedModel.of(Samples.registered("m", "1.0", "m.mar", false));
    assertEquals(unscaled.scaling(), Optional.empty(), "the registration says it all");
  }

  @DataProvider
  public Object[][] urls() {
    return new Object[][] {
      {"https://me:pass@host/a/m.mar", "https://***@host/a/m.mar", "m.mar"},
      {"https://h/m.mar?X-Amz-Signature=ab12", "https://h/m.mar", "m.mar"},
      {"https://h/m.mar?sig=ab12&v=1", "https://h/m.mar", "m.mar"},
      {"https://h/m.mar?token=ab#sha256=cd", "https://h/m.mar#sha256=cd", "m.mar"},
      {"https://h/m.mar?version=3", "https://h/m.mar?version=3", "m.mar"},
      {"m.mar", "m.mar", "m.mar"},
      {"/models/m@1/", "/models/m@1/", "m@1"},
    };
  }

  @Test(dataProvider = "urls")
  public void secretsOfUrlsAreLeftOut(String url, String written, String marName) {
    JsonObject json = written(Samples.model("m", "1.0", url));
    assertEquals(json.getAsJsonObject("registration").get("url").getAsString(), written);
    assertEquals(json.get("marName").getAsString(), marName);
  }

  @Test
  public void countOfZeroIsNoModels() {
    assertEquals(SnapshotJson.read("{\"modelCount\": 0}").models(), List.of());
    assertEquals(
        SnapshotJson.read(BY_HAND.replace(":1,\"models", ":-1,\"models")).models(), List.of());
  }

  @DataProvider
  public Object[][] broken() {
    return new Object[][] {
      {"", "it is not a JSON object"},
      {"[]", "it is not a JSON object"},
      {"{", "it is not a JSON object"},
      {"{\"modelCount\": 1}", "model_snapshot.models is null, expected an object"},
      {"{\"models\": {\"m\": 3}}", "model_snapshot.models.m is 3, expected an object"},
      {
        BY_HAND.replace("\"marName\":\"mnist.mar\",", ""),
        "model_snapshot.models.mnist.1.0.marName is missing"
      },
      {
        BY_HAND.replace("\"minWorkers\":1", "\"minWorkers\":-1"),
        "model_snapshot.models.mnist.1.0.minWorkers is -1, expected 0 or more"
      },
      {
        BY_HAND.replace("\"minWorkers\":1", "\"minWorkers\":\"many\""),
        "model_snapshot.models.mnist.1.0.minWorkers is \"many\", expected a whole number"
      },
      {
        BY_HAND.replace("\"batchSize\":3", "\"batchSize\":[]"),
        "model_snapshot.models.mnist.1.0.batchSize is [], expected a plain value"
      },
    };
  }

  @Test(dataProvider = "broken")
  public void brokenSnapshotIsRefusedNamingTheMember(String json, String message) {
    IllegalArgumentException e =
        expectThrows(IllegalArgumentException.class, () -> SnapshotJson.read(json));
    assertEquals(e.getMessage(), message);
  }
}
