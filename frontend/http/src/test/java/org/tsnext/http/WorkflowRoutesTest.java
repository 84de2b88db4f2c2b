package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.workflow.RegisterWorkflow;

public class WorkflowRoutesTest extends HttpTestBase {

  @Test
  public void workflowGetsTheBodyButNotTheQuery() throws Exception {
    for (String path : List.of("/wfpredict/pipe?a=b", "/WFPredict/pipe")) {
      RawResponse response = client().post(path, "x");
      assertEquals(response.status(), 200);
      FakeInference.Seen seen = inference.next();
      assertEquals(seen.model(), "pipe");
      assertEquals(seen.parts(), List.of(new FakeInference.Part("body", "", "x")), path);
    }
  }

  @Test
  public void workflowIsRegisteredAsInTorchServe() throws Exception {
    RawResponse response =
        management().post("/workflows?url=pipe.war&workflow_name=p&response_timeout=7", "");
    assertEquals(response.status(), 200);
    assertEquals(status(response), "Workflow pipe has been registered and scaled successfully.");
    assertEquals(
        workflows.registrations.take(),
        new RegisterWorkflow(
            "pipe.war", Optional.of("p"), Duration.ofSeconds(7), Duration.ofMinutes(2), false));
  }

  @Test
  public void workflowsAreListedInPages() throws Exception {
    JsonObject page = json(management().get("/workflows?limit=1"));
    assertEquals(page.get("nextPageToken").getAsString(), "1");
    assertEquals(
        page.get("workflows").toString(),
        "[{\"workflowName\":\"pipe\",\"workflowUrl\":\"pipe.war\"}]");
    assertEquals(
        json(management().get("/workflows?next_page_token=1")).get("workflows").toString(),
        "[{\"workflowName\":\"tree\",\"workflowUrl\":\"tree.war\"}]");
  }

  @Test
  public void workflowIsDescribedWithItsGraphAndNodes() throws Exception {
    RawResponse response = management().get("/workflows/pipe");
    JsonObject workflow =
        JsonParser.parseString(response.body()).getAsJsonArray().get(0).getAsJsonObject();
    assertEquals(workflow.get("workflowDag").getAsString(), "{pre=[m1], m1=[post]}");
    assertEquals(workflow.get("batchSize").getAsInt(), 4);
    JsonObject function = workflow.getAsJsonArray("nodes").get(0).getAsJsonObject();
    assertEquals(function.get("type").getAsString(), "function");
    assertEquals(function.get("modelName").getAsString(), "pipe__pre");
  }

  @Test
  public void workflowIsUnregistered() throws Exception {
    assertEquals(
        status(management().request("DELETE", "/workflows/pipe", null).read()),
        "Workflow \"pipe\" unregistered");
    RawResponse unknown = management().request("DELETE", "/workflows/other", null).read();
    assertEquals(unknown.status(), 404);
    assertTrue(unknown.body().contains("\"type\": \"WorkflowNotFoundException\""), unknown.body());
    assertTrue(unknown.body().contains("Workflow not found: other"), unknown.body());
  }

  @Test
  public void missingUrlAndBadNumbersAreNamed() throws Exception {
    assertEquals(management().post("/workflows", "").status(), 400);
    RawResponse response = management().post("/workflows?url=p.war&startup_timeout=soon", "");
    assertEquals(response.status(), 400);
    assertTrue(response.body().contains("startup_timeout is \\\"soon"), response.body());
  }

  @Test
  public void otherMethodsAndPathsAreRefused() throws Exception {
    assertEquals(management().request("PUT", "/workflows/pipe", null).read().status(), 405);
    assertEquals(management().get("/workflows/pipe/x").status(), 404);
    assertEquals(client().get("/workflows").status(), 404);
  }

  private static JsonObject json(RawResponse response) {
    assertEquals(response.status(), 200, response.body());
    return JsonParser.parseString(response.body()).getAsJsonObject();
  }

  private static String status(RawResponse response) {
    return json(response).get("status").getAsString();
  }
}
