package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.jobs.JobDoors;
import org.tsnext.jobs.JobLimits;
import org.tsnext.jobs.JobService;
import org.tsnext.jobs.Jobs;

/** Jobs over HTTP, with the clock in the hand of the test. */
public class JobRoutesTest extends HttpTestBase {

  private static final int LARGE = 60_000;

  private ManualTime time;

  @Override
  Optional<JobService> jobs() {
    time = new ManualTime();
    return Optional.of(
        new Jobs(
            new JobDoors(inference, inference),
            new JobLimits(2, 2 * LARGE, Duration.ofSeconds(60)),
            new ServingCore.Execution(time, time, Runnable::run),
            Optional.empty(),
            () -> UUID.randomUUID().toString().replace("-", "")));
  }

  private RawResponse post(String prefer) throws Exception {
    return client().request("POST", "/predictions/m", "x", "prefer: " + prefer).read();
  }

  private static JsonObject json(RawResponse response) {
    return JsonParser.parseString(response.body()).getAsJsonObject();
  }

  private void complete(FakeInference.Waiting waiting, String body) {
    waiting
        .sink()
        .complete(FakeInference.text(), Unpooled.copiedBuffer(body, StandardCharsets.UTF_8));
  }

  @Test
  public void requestThatPrefersItIsAnswered202() throws Exception {
    inference.hold();
    RawResponse response = post("respond-async");
    assertEquals(response.status(), 202, response.body());
    JsonObject job = json(response);
    assertEquals(response.header("location"), job.get("url").getAsString());
    assertEquals(response.header("preference-applied"), "respond-async");
    assertEquals(job.get("status").getAsString(), "queued");
    String url = job.get("url").getAsString();
    RawResponse early = client().get(url + "/result");
    assertEquals(early.status(), 202, early.body());
    ResponseHead head =
        new ResponseHead(
            201, "Made", ResponseHead.BodyKind.JSON, List.of(new Header("x-class", "7")));
    inference
        .nextWaiting()
        .sink()
        .complete(head, Unpooled.copiedBuffer("{}", StandardCharsets.UTF_8));
    assertEquals(json(client().get(url)).get("status").getAsString(), "succeeded");
    RawResponse result = client().get(url + "/result");
    assertEquals(result.status(), 201);
    assertEquals(result.header("content-type"), "application/json");
    assertEquals(result.header("x-class"), "7");
    assertEquals(result.body(), "{}");
    assertEquals(client().request("DELETE", url, null).read().status(), 204);
    assertEquals(client().get(url).status(), 404);
  }

  @DataProvider
  Object[][] preferences() {
    return new Object[][] {
      {"RESPOND-ASYNC", 202, "respond-async"},
      {"return=minimal, respond-async;foo=\"a,b\"", 202, "respond-async"},
      {"respond-async, wait=0", 202, "respond-async, wait=0"},
      {"respond-async, wait=\"0\"", 202, "respond-async, wait=0"},
      {"respond-async, wait=-1", 202, "respond-async"},
      {"respond-async, wait=+1", 202, "respond-async"},
      {"respond-async, wait=99999999999999999999", 202, "respond-async"},
      {"respond-async=yes", 200, null},
      {"wait=9", 200, null},
      {"a=\"respond-async\"", 200, null},
      {"a=\"x\\\", respond-async, \"", 200, null},
      {"", 200, null},
    };
  }

  @Test(dataProvider = "preferences")
  public void preferencesAreReadAsTheStandardSays(String prefer, int status, String applied)
      throws Exception {
    RawResponse response = post(prefer);
    assertEquals(response.status(), status, response.body());
    assertEquals(response.header("preference-applied"), applied);
  }

  @Test
  public void waitEndsWithTheJobOrItsTime() throws Exception {
    inference.hold();
    String url = json(post("respond-async")).get("url").getAsString();
    FakeInference.Waiting waiting = inference.nextWaiting();
    RawClient first = client();
    first.request("GET", url, null, "prefer: wait=5");
    RawClient second = client();
    second.request("GET", url + "/result", null, "prefer: wait=500");
    waitUntil("both wait", () -> time.pending() == 2);
    time.advance(Duration.ofSeconds(5));
    RawResponse described = first.read();
    assertEquals(json(described).get("status").getAsString(), "queued");
    assertEquals(described.header("preference-applied"), "wait=5");
    complete(waiting, "done");
    RawResponse result = second.read();
    assertEquals(result.body(), "done");
    assertEquals(result.header("preference-applied"), "wait=300");
  }

  @Test
  public void responseThatIsThereInTimeIsTheResponse() throws Exception {
    inference.hold();
    RawClient client = client();
    client.request("POST", "/predictions/m", "x", "prefer: respond-async, wait=5");
    complete(inference.nextWaiting(), "done");
    RawResponse response = client.read();
    assertEquals(response.status(), 200, response.body());
    assertEquals(response.body(), "done");
    assertEquals(time.pending(), 0);
    RawClient other = client();
    other.request("POST", "/predictions/m", "x", "prefer: respond-async, wait=5");
    inference.nextWaiting().sink().fail(new ServingException(ErrorKind.PREDICTION_FAILED, "no"));
    assertEquals(other.read().status(), 503);
  }

  @Test
  public void responseInTimeThatFindsNoRoomIsLeftToBeFetched() throws Exception {
    inference.hold();
    int limited = limited();
    String large = "y".repeat(LARGE);
    RawClient holding = client(limited);
    holding.request("POST", "/predictions/m", large);
    FakeInference.Waiting held = inference.nextWaiting();
    RawClient client = client(limited);
    client.request("POST", "/predictions/m", "x", "prefer: respond-async, wait=5");
    complete(inference.nextWaiting(), large);
    RawResponse response = client.read();
    assertEquals(response.status(), 202);
    JsonObject job = json(response);
    assertEquals(job.get("status").getAsString(), "succeeded");
    String result = job.get("resultUrl").getAsString();
    assertEquals(client.get(result).status(), 503);
    complete(held, "ok");
    assertEquals(holding.read().status(), 200);
    assertEquals(client.get(result).body(), large);
  }

  /** The port of a server that holds one large body at a time. */
  private int limited() throws IOException {
    HttpSettings all = settings();
    HttpSettings settings =
        new HttpSettings(
            all.addresses(),
            all.sockets(),
            new HttpSettings.BodySettings(LARGE, STREAM_LIMIT, LARGE),
            all.cors(),
            all.access(),
            all.api());
    return port(serve(settings).bind().get(0));
  }

  @Test
  public void clientThatLeavesBeforeItKnowsTheIdCancelsTheJob() throws Exception {
    inference.hold();
    RawClient client = client();
    client.request("POST", "/predictions/m", "x", "prefer: respond-async, wait=5");
    inference.nextWaiting();
    client.close();
    waitUntil("the job is cancelled", () -> inference.cancelled.get() == 1);
    waitUntil("nothing waits", () -> time.pending() == 0);
  }

  @Test
  public void tooManyJobsAreRefusedAndToldWhenToTryAgain() throws Exception {
    post("respond-async");
    post("respond-async");
    RawResponse refused = post("respond-async");
    assertEquals(refused.status(), 429, refused.body());
    assertEquals(refused.header("retry-after"), "1");
    assertEquals(json(refused).get("type").getAsString(), "TooManyJobsException");
    assertEquals(client().post("/predictions/m", "x").status(), 200);
    time.advance(Duration.ofSeconds(61));
    assertEquals(post("respond-async").status(), 202);
  }

  @Test
  public void descriptionTellsTheErrorOfAJob() throws Exception {
    inference.hold();
    String url = json(post("respond-async")).get("url").getAsString();
    inference
        .nextWaiting()
        .sink()
        .fail(ServingException.ofHandler(422, "no").withDetail("a digit was expected"));
    JsonObject job = json(client().get(url));
    assertEquals(job.get("status").getAsString(), "failed");
    JsonObject error = job.getAsJsonObject("error");
    assertEquals(error.get("code").getAsInt(), 422);
    assertEquals(error.get("detail").getAsString(), "a digit was expected");
    assertEquals(client().get(url + "/result").status(), 422);
  }

  @Test
  public void otherMethodsAndPathsAreRefused() throws Exception {
    String url = json(post("respond-async")).get("url").getAsString();
    assertEquals(client().post(url, "").status(), 405);
    assertEquals(client().get("/jobs").status(), 404);
    assertEquals(client().get("/jobs/1/2/3").status(), 404);
    assertFalse(management().get(url).body().contains("modelName"));
    assertTrue(management().get(url).body().contains("served at"));
  }
}
