package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService.ModelEntry;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.messages.management.DescribeModelRequest;
import org.tsnext.grpc.messages.management.ListModelsRequest;
import org.tsnext.grpc.messages.management.ManagementResponse;
import org.tsnext.grpc.messages.management.RegisterModelRequest;
import org.tsnext.grpc.messages.management.ScaleWorkerRequest;
import org.tsnext.grpc.messages.management.SetDefaultRequest;
import org.tsnext.grpc.messages.management.UnregisterModelRequest;
import org.tsnext.grpc.settings.ServiceSettings;

/** The management service over a real connection, on a core that answers as told. */
public final class GrpcManagementTest extends GrpcTestBase {

  private static final String SERVICE = "org.pytorch.serve.grpc.management.ManagementAPIsService";

  private static <Q extends Message> MethodDescriptor<Q, ManagementResponse> rpc(
      String name, Q request) {
    return method(
        SERVICE, name, MethodType.UNARY, request, ManagementResponse.getDefaultInstance());
  }

  private String call(String rpc, Message request) {
    return ask(channel(managementPort), rpc(rpc, request), request).getMsg();
  }

  private Status failure(String rpc, Message request) {
    return failure(managementPort, rpc, request);
  }

  private Status failure(int port, String rpc, Message request) {
    return failure(() -> ask(channel(port), rpc(rpc, request), request)).getStatus();
  }

  private RegisterModel registered(RegisterModelRequest request) throws Exception {
    call("RegisterModel", request);
    return (RegisterModel) models.requests.take();
  }

  private ScaleModel scaled(ScaleWorkerRequest request) throws Exception {
    call("ScaleWorker", request);
    return (ScaleModel) ((List<?>) models.requests.take()).get(2);
  }

  @Test
  public void everyFieldOfARegistrationCounts() throws Exception {
    RegisterModel request =
        registered(
            RegisterModelRequest.newBuilder()
                .setUrl("cats.mar")
                .setModelName("cats")
                .setHandler("h:handle")
                .setRuntime("python3")
                .setBatchSize(4)
                .setMaxBatchDelay(50)
                .setInitialWorkers(2)
                .setResponseTimeout(7)
                .setStartupTimeout(8)
                .setSynchronous(true)
                .setS3SseKms(true)
                .build());
    assertEquals(
        request,
        new RegisterModel(
            new RegisterModel.Source("cats.mar", true),
            Optional.of("cats"),
            Optional.of("h:handle"),
            Optional.of("python3"),
            new RegisterModel.Requested(
                OptionalInt.of(4),
                Optional.of(Duration.ofMillis(50)),
                OptionalInt.of(2),
                Optional.of(Duration.ofSeconds(7)),
                Optional.of(Duration.ofSeconds(8))),
            RegisterModel.Origin.CLIENT,
            true));
  }

  @Test
  public void whatIsNotGivenOrTooSmallIsLeftToTheServerAndTheCallDoesNotWait() throws Exception {
    RegisterModel nothing = registered(RegisterModelRequest.newBuilder().setUrl("a.mar").build());
    RegisterModel tooSmall =
        registered(
            RegisterModelRequest.newBuilder()
                .setUrl("a.mar")
                .setBatchSize(0)
                .setMaxBatchDelay(-1)
                .setInitialWorkers(-1)
                .setResponseTimeout(0)
                .setStartupTimeout(-5)
                .build());
    assertEquals(tooSmall, nothing);
    assertFalse(nothing.synchronous());
    assertEquals(nothing.requested().batchSize(), OptionalInt.empty());
    assertEquals(nothing.requested().initialWorkers(), OptionalInt.empty());
    assertEquals(nothing.modelName(), Optional.empty());
  }

  @Test
  public void zeroCountsWhereItIsSentAndMeansSomething() throws Exception {
    RegisterModel request =
        registered(
            RegisterModelRequest.newBuilder()
                .setUrl("a.mar")
                .setMaxBatchDelay(0)
                .setInitialWorkers(0)
                .build());
    assertEquals(request.requested().initialWorkers(), OptionalInt.of(0));
    assertEquals(request.requested().maxBatchDelay(), Optional.of(Duration.ZERO));
  }

  @DataProvider
  Object[][] outcomes() {
    String cats = "Model \"cats\" Version: 1.0 registered with ";
    return new Object[][] {
      {Outcome.DONE, cats + "2 initial workers"},
      {
        Outcome.REGISTERED_WITHOUT_WORKERS,
        cats + "0 initial workers. Use scale workers API to add workers for the model."
      },
      {Outcome.ACCEPTED, "Processing worker updates..."},
      {Outcome.PARTIAL, "Workers scaling in progress..."},
    };
  }

  @Test(dataProvider = "outcomes")
  public void registrationsReturnTheSentencesOfHttp(Outcome outcome, String text) {
    models.result = CompletableFuture.completedFuture(new ScaleResult(outcome, "cats", "1.0", 2));
    assertEquals(
        call("RegisterModel", RegisterModelRequest.newBuilder().setUrl("a").build()), text);
  }

  @Test
  public void workersAreScaledToZeroWhereZeroIsSentAndToOneWhereNothingIs() throws Exception {
    ScaleWorkerRequest.Builder cats = ScaleWorkerRequest.newBuilder().setModelName("cats");
    assertEquals(
        scaled(cats.build()), new ScaleModel(1, 1, false, Optional.empty()), "nothing is sent");
    assertEquals(
        scaled(cats.setMinWorker(0).build()), new ScaleModel(0, 0, false, Optional.empty()));
    assertEquals(
        scaled(cats.setMinWorker(2).setMaxWorker(3).setSynchronous(true).setTimeout(4).build()),
        new ScaleModel(2, 3, true, Optional.of(Duration.ofSeconds(4))));
    assertEquals(
        scaled(cats.setMinWorker(-3).setMaxWorker(-1).clearTimeout().build()),
        new ScaleModel(1, 1, true, Optional.empty()),
        "old clients may send less than nothing");
    assertTrue(
        scaled(cats.setTimeout(-1).build()).timeout().get().compareTo(Duration.ofDays(1)) > 0);
  }

  @Test
  public void scalingReturnsTheSentencesOfHttp() {
    ScaleWorkerRequest.Builder cats =
        ScaleWorkerRequest.newBuilder().setModelName("cats").setMinWorker(2);
    assertEquals(call("ScaleWorker", cats.build()), "Workers scaled to 2 for model: cats");
    assertEquals(
        call("ScaleWorker", cats.setModelVersion("2.0").build()),
        "Workers scaled to 2 for model: cats, version: 2.0");
    models.result =
        CompletableFuture.completedFuture(new ScaleResult(Outcome.ACCEPTED, "cats", "1.0", 2));
    assertEquals(call("ScaleWorker", cats.build()), "Processing worker updates...");
  }

  @Test
  public void descriptionsAreTheJsonOfHttp() {
    DescribeModelRequest.Builder cats = DescribeModelRequest.newBuilder().setModelName("cats");
    String text = call("DescribeModel", cats.build());
    assertTrue(text.startsWith("[\n  {\n    \"modelName\": \"cats\",\n"), text);
    assertTrue(text.endsWith("\n]"), text);
    assertEquals(described(cats.setModelVersion("2.0")).size(), 1);
    JsonArray all = described(cats.setModelVersion("all").setCustomized(true));
    assertEquals(all.size(), 2);
    assertTrue(inference.isEmpty(), "customized counts for one version only");
  }

  private JsonArray described(DescribeModelRequest.Builder request) {
    return JsonParser.parseString(call("DescribeModel", request.build())).getAsJsonArray();
  }

  @Test
  public void customizedDescriptionsHoldWhatTheHandlerSays() throws Exception {
    inference.respond(
        (request, sink) -> {
          sink.chunk(
              FakeInference.text(), Unpooled.copiedBuffer("{\"a\":", StandardCharsets.UTF_8));
          sink.end(Unpooled.copiedBuffer("1}", StandardCharsets.UTF_8));
        });
    JsonObject model =
        described(DescribeModelRequest.newBuilder().setModelName("cats").setCustomized(true))
            .get(0)
            .getAsJsonObject();
    assertEquals(model.getAsJsonObject("customizedMetadata").get("a").getAsInt(), 1);
    FakeInference.Seen question = inference.next();
    assertEquals(question.kind(), RequestKind.DESCRIBE);
    assertEquals(question.header("describe"), "True");
  }

  @Test
  public void customizedDescriptionFailsAsTheHandlerDoes() {
    inference.respond(
        (request, sink) ->
            sink.fail(new ServingException(ErrorKind.NO_WORKER, "Model \"cats\" has no worker")));
    Status status =
        failure(
            "DescribeModel",
            DescribeModelRequest.newBuilder().setModelName("cats").setCustomized(true).build());
    assertEquals(status.getCode(), Status.Code.UNAVAILABLE);
    assertEquals(
        status.getDescription(), "Model \"cats\" has no worker\nInternalServerException.()");
  }

  @Test
  public void clientThatLeavesCancelsItsQuestionToTheHandler() throws Exception {
    inference.hold();
    DescribeModelRequest question =
        DescribeModelRequest.newBuilder().setModelName("cats").setCustomized(true).build();
    Context.CancellableContext client =
        begin(channel(managementPort), rpc("DescribeModel", question), question);
    inference.nextWaiting();
    client.cancel(null);
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
  }

  @Test
  public void clientThatLeavesDoesNotEndItsRegistration() throws Exception {
    CompletableFuture<ScaleResult> result = new CompletableFuture<>();
    models.result = result;
    ManagedChannel connection = channel(managementPort);
    RegisterModelRequest request =
        RegisterModelRequest.newBuilder().setUrl("a.mar").setSynchronous(true).build();
    Context.CancellableContext client = begin(connection, rpc("RegisterModel", request), request);
    assertTrue(models.requests.take() instanceof RegisterModel);
    client.cancel(null);
    // What comes after it on the same connection is answered after the server knows.
    ListModelsRequest list = ListModelsRequest.getDefaultInstance();
    assertFalse(ask(connection, rpc("ListModels", list), list).getMsg().isEmpty());
    assertFalse(result.isDone());
    // The response is not read, and that harms no other call.
    result.complete(new ScaleResult(Outcome.DONE, "cats", "1.0", 1));
    assertFalse(ask(connection, rpc("ListModels", list), list).getMsg().isEmpty());
  }

  @Test
  public void listGivesAHundredModelsUnlessTheLimitIsLower() {
    models.entries =
        IntStream.range(0, 150).mapToObj(i -> new ModelEntry("m" + i, "m.mar")).toList();
    for (int limit : new int[] {0, -1, 1000}) {
      JsonObject page = listed(limit, 0);
      assertEquals(page.getAsJsonArray("models").size(), 100);
      assertEquals(page.get("nextPageToken").getAsString(), "100");
    }
    JsonObject last = listed(50, 100);
    assertEquals(last.getAsJsonArray("models").size(), 50);
    assertNull(last.get("nextPageToken"));
    assertEquals(listed(2, -1).get("nextPageToken").getAsString(), "2");
  }

  private JsonObject listed(int limit, int token) {
    return JsonParser.parseString(
            call(
                "ListModels",
                ListModelsRequest.newBuilder().setLimit(limit).setNextPageToken(token).build()))
        .getAsJsonObject();
  }

  @Test
  public void defaultVersionIsSetAndVersionsAreUnregistered() throws Exception {
    assertEquals(
        call(
            "SetDefault",
            SetDefaultRequest.newBuilder().setModelName("cats").setModelVersion("2.0").build()),
        "Default version successfully updated for model \"cats\" to \"2.0\"");
    assertEquals(models.requests.take(), List.of("default", "cats", "2.0"));
    assertEquals(
        call("UnregisterModel", UnregisterModelRequest.newBuilder().setModelName("cats").build()),
        "Model \"cats\" unregistered");
    assertEquals(models.requests.take(), List.of("unregister", "cats", Optional.empty()));
  }

  /** Calls that fail, the status, and both lines of its description. */
  @DataProvider
  Object[][] refusals() {
    String http = "org.pytorch.serve.http.BadRequestException";
    String missing = "BadRequestException.()";
    String noModel =
        "Model not found: dogs\norg.pytorch.serve.archive.model.ModelNotFoundException";
    String noVersion =
        "Model version: 3 does not exist for model: cats\n"
            + "org.pytorch.serve.archive.model.ModelVersionNotFoundException";
    String noName = "Parameter model_name is required.\n" + missing;
    return new Object[][] {
      {
        "RegisterModel",
        RegisterModelRequest.getDefaultInstance(),
        Status.Code.INVALID_ARGUMENT,
        "Parameter url is required.\n" + missing
      },
      {
        "RegisterModel",
        RegisterModelRequest.newBuilder().setUrl("a").setRuntime("java").build(),
        Status.Code.INVALID_ARGUMENT,
        "Invalid RuntimeType value: java\n" + http
      },
      {
        "DescribeModel",
        DescribeModelRequest.getDefaultInstance(),
        Status.Code.INVALID_ARGUMENT,
        noName
      },
      {
        "DescribeModel",
        DescribeModelRequest.newBuilder().setModelName("dogs").build(),
        Status.Code.NOT_FOUND,
        noModel
      },
      {
        "DescribeModel",
        DescribeModelRequest.newBuilder().setModelName("dogs").setCustomized(true).build(),
        Status.Code.NOT_FOUND,
        noModel
      },
      {
        "DescribeModel",
        DescribeModelRequest.newBuilder().setModelName("cats").setModelVersion("3").build(),
        Status.Code.NOT_FOUND,
        noVersion
      },
      {
        "ScaleWorker", ScaleWorkerRequest.getDefaultInstance(), Status.Code.INVALID_ARGUMENT, noName
      },
      {
        "ScaleWorker",
        ScaleWorkerRequest.newBuilder().setModelName("dogs").build(),
        Status.Code.NOT_FOUND,
        noModel
      },
      {
        "ScaleWorker",
        ScaleWorkerRequest.newBuilder()
            .setModelName("cats")
            .setMinWorker(2)
            .setMaxWorker(1)
            .build(),
        Status.Code.INVALID_ARGUMENT,
        "max_worker cannot be less than min_worker.\n" + http
      },
      {
        "ScaleWorker",
        ScaleWorkerRequest.newBuilder().setModelName("cats").setTimeout(-2).build(),
        Status.Code.INVALID_ARGUMENT,
        "Parameter timeout is -2, expected -1 or more.\n" + http
      },
      {"SetDefault", SetDefaultRequest.getDefaultInstance(), Status.Code.INVALID_ARGUMENT, noName},
      {
        "SetDefault",
        SetDefaultRequest.newBuilder().setModelName("cats").build(),
        Status.Code.INVALID_ARGUMENT,
        "Parameter model_version is required.\n" + missing
      },
      {
        "SetDefault",
        SetDefaultRequest.newBuilder().setModelName("cats").setModelVersion("3").build(),
        Status.Code.NOT_FOUND,
        noVersion
      },
      {
        "UnregisterModel",
        UnregisterModelRequest.getDefaultInstance(),
        Status.Code.INVALID_ARGUMENT,
        noName
      },
      {
        "UnregisterModel",
        UnregisterModelRequest.newBuilder().setModelName("dogs").build(),
        Status.Code.NOT_FOUND,
        noModel
      },
    };
  }

  @Test(dataProvider = "refusals")
  public void wrongCallsAreRefusedAndChangeNothing(
      String rpc, Message request, Status.Code code, String description) {
    Status status = failure(rpc, request);
    assertEquals(status.getCode(), code);
    assertEquals(status.getDescription(), description);
    assertTrue(models.requests.isEmpty());
  }

  /** Failures of the core, and the status of each. */
  @DataProvider
  Object[][] failures() {
    return new Object[][] {
      {ErrorKind.CONFLICT, Status.Code.ALREADY_EXISTS},
      {ErrorKind.WORKER_LOAD_FAILED, Status.Code.INTERNAL},
      {ErrorKind.LOAD_OUT_OF_MEMORY, Status.Code.RESOURCE_EXHAUSTED},
      {ErrorKind.MODEL_NOT_FOUND, Status.Code.NOT_FOUND},
      {ErrorKind.INVALID_MODEL, Status.Code.INVALID_ARGUMENT},
      {ErrorKind.DEFAULT_VERSION_IN_USE, Status.Code.FAILED_PRECONDITION},
      {ErrorKind.SHUTTING_DOWN, Status.Code.UNAVAILABLE},
    };
  }

  @Test(dataProvider = "failures")
  public void failuresHaveTheStatusOfTheTable(ErrorKind kind, Status.Code code) {
    models.result = CompletableFuture.failedFuture(new ServingException(kind, "why"));
    Status status = failure("RegisterModel", RegisterModelRequest.newBuilder().setUrl("a").build());
    assertEquals(status.getCode(), code);
    assertEquals(status.getDescription().lines().findFirst().orElse(""), "why");
  }

  @Test
  public void modelsAreNeitherRegisteredNorUnregisteredWhileThatIsOff() throws Exception {
    int off = serve(settings(new ServiceSettings(false, Optional.empty()))).bind().get(1).port();
    for (Status status :
        List.of(
            failure(
                off, "RegisterModel", RegisterModelRequest.newBuilder().setUrl("a.mar").build()),
            failure(
                off,
                "UnregisterModel",
                UnregisterModelRequest.newBuilder().setModelName("cats").build()))) {
      assertEquals(status.getCode(), Status.Code.PERMISSION_DENIED);
      assertEquals(
          status.getDescription(),
          "Model API disabled\norg.pytorch.serve.archive.model.ModelException");
    }
    assertTrue(models.requests.isEmpty());
    assertEquals(
        scaled(ScaleWorkerRequest.newBuilder().setModelName("cats").build()).minWorkers(), 1);
  }
}
