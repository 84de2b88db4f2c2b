package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.api.OpenInference;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.messages.openinference.InferTensorContents;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.messages.openinference.ModelMetadataRequest;
import org.tsnext.grpc.messages.openinference.ModelMetadataResponse;
import org.tsnext.grpc.messages.openinference.ModelReadyRequest;
import org.tsnext.grpc.messages.openinference.ModelReadyResponse;
import org.tsnext.grpc.messages.openinference.ServerLiveRequest;
import org.tsnext.grpc.messages.openinference.ServerLiveResponse;
import org.tsnext.grpc.messages.openinference.ServerMetadataRequest;
import org.tsnext.grpc.messages.openinference.ServerMetadataResponse;
import org.tsnext.grpc.messages.openinference.ServerReadyRequest;
import org.tsnext.grpc.messages.openinference.ServerReadyResponse;
import org.tsnext.grpc.openinference.OpenInferenceService;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.grpc.settings.ServiceSettings.OpenInferenceProtocol;

/** The Open Inference Protocol as a client meets it, under both names of its service. */
public final class GrpcOpenInferenceTest extends GrpcTestBase {

  private static final String OLD = "org.pytorch.serve.grpc.openinference.GRPCInferenceService";
  private static final String STANDARD = "inference.GRPCInferenceService";

  private static final MethodDescriptor<ModelInferRequest, ModelInferResponse> INFER =
      rpc(
          "ModelInfer",
          ModelInferRequest.getDefaultInstance(),
          ModelInferResponse.getDefaultInstance());

  private ExecutorService conversions;

  @BeforeClass
  public void startConversions() {
    conversions = Executors.newSingleThreadExecutor(task -> new Thread(task, "conversions"));
  }

  @AfterClass(alwaysRun = true)
  public void endConversions() {
    conversions.shutdownNow();
  }

  @Override
  ServiceSettings services() {
    return new ServiceSettings(false, Optional.of(new OpenInferenceProtocol("1.2.3", conversions)));
  }

  private static <Q extends Message, A extends Message> MethodDescriptor<Q, A> rpc(
      String name, Q request, A response) {
    return method(STANDARD, name, MethodType.UNARY, request, response);
  }

  @DataProvider
  public Object[][] compactContents() {
    return new Object[][] {
      {InferTensorContents.newBuilder().addAllInt64Contents(Collections.nCopies(90_000, 0L))},
      {InferTensorContents.newBuilder().addAllUint64Contents(Collections.nCopies(90_000, 0L))},
      {
        InferTensorContents.newBuilder()
            .addAllBytesContents(Collections.nCopies(45_000, ByteString.EMPTY))
      },
    };
  }

  @Test(dataProvider = "compactContents")
  public void elementsAreCountedAsWhatTheyBecomeBeforeTheyAreRead(
      InferTensorContents.Builder contents) throws Exception {
    ModelInferRequest.Builder compact = ModelInferRequest.newBuilder().setModelName("cats");
    compact.addInputsBuilder().setName("x").setDatatype("INT64").setContents(contents);
    assertStatus(
        failure(() -> ask(channel(), INFER, compact.build())),
        Status.Code.RESOURCE_EXHAUSTED,
        "The server holds too many large bodies at the moment.\nInternalServerException.()");
    waitUntil("the memory is given back", () -> memory.held() == 0);
  }

  private static ModelInferRequest.Builder request(int elements) {
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName("cats");
    request
        .addInputsBuilder()
        .setName("x")
        .setDatatype("INT8")
        .addShape(elements)
        .setContents(
            InferTensorContents.newBuilder().addAllIntContents(Collections.nCopies(elements, 5)));
    return request;
  }

  private static String outputs(int elements) {
    return "{\"outputs\":[{\"name\":\"y\",\"datatype\":\"INT8\",\"shape\":["
        + elements
        + "],\"data\":["
        + String.join(",", Collections.nCopies(elements, "7"))
        + "]}]}";
  }

  private void respondWith(String json) {
    inference.respond((request, sink) -> sink.complete(FakeInference.text(), buffer(json)));
  }

  private static ByteBuf buffer(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }

  private StatusRuntimeException inferFailure(ModelInferRequest request) {
    return failure(() -> ask(channel(), INFER, request));
  }

  @DataProvider
  Object[][] names() {
    return new Object[][] {{OLD}, {STANDARD}};
  }

  @Test(dataProvider = "names")
  public void handlerGetsTheJsonOfHttpUnderBothNames(String service) throws Exception {
    respondWith(outputs(2));
    ModelInferResponse response =
        ask(
            channel(),
            method(
                service,
                "ModelInfer",
                MethodType.UNARY,
                ModelInferRequest.getDefaultInstance(),
                ModelInferResponse.getDefaultInstance()),
            request(1).setId("7").setModelVersion("2.0").build());
    assertEquals(response.getOutputs(0).getContents().getIntContentsList(), List.of(7, 7));
    assertEquals(response.getId(), "7");
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.model(), "cats");
    assertEquals(seen.version(), "2.0");
    assertEquals(seen.kind(), RequestKind.PREDICT);
    assertEquals(
        seen.parts(),
        List.of(
            new FakeInference.Part(
                "body",
                "application/json",
                "{\"id\":\"7\",\"model_name\":\"cats\",\"model_version\":\"2.0\",\"inputs\":"
                    + "[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"INT8\",\"data\":[5]}]}")));
  }

  @Test
  public void rawRequestsGetRawResponses() throws Exception {
    respondWith(outputs(3));
    ModelInferRequest.Builder request = request(1);
    request.getInputsBuilder(0).clearContents();
    request.getInputsBuilder(0).setShape(0, 2);
    request.addRawInputContents(ByteString.copyFrom(new byte[] {5, 6}));
    ModelInferResponse response = ask(channel(), INFER, request.build());
    assertEquals(
        response.getRawOutputContentsList(), List.of(ByteString.copyFrom(new byte[] {7, 7, 7})));
    assertFalse(response.getOutputs(0).hasContents());
    String json = inference.next().parts().get(0).value();
    assertTrue(json.contains("\"data\":[5,6]}"), json);
  }

  @Test
  public void largeTensorsAreWrittenAndReadOnThreadsOfTheirOwn() throws Exception {
    AtomicReference<String> thread = new AtomicReference<>();
    inference.respond(
        (request, sink) -> {
          thread.set(Thread.currentThread().getName());
          sink.complete(FakeInference.text(), buffer(outputs(40_000)));
        });
    ModelInferResponse response = ask(channel(), INFER, request(40_000).build());
    assertEquals(thread.get(), "conversions", "the request is written there");
    assertEquals(response.getOutputs(0).getContents().getIntContentsCount(), 40_000);
    ask(channel(), INFER, request(10).build());
    assertTrue(thread.get().startsWith("grpc-test"), thread.get());
  }

  @Test
  public void largeRequestsTakeTheirTurnInTheMemoryForBodies() throws Exception {
    inference.hold();
    int room = 400_000;
    assertTrue(memory.take((1 << 20) - room));
    Context.CancellableContext client = begin(channel(), INFER, request(45_000).build());
    inference.nextWaiting();
    assertStatus(
        inferFailure(request(45_000).build()),
        Status.Code.RESOURCE_EXHAUSTED,
        "The server holds too many large bodies at the moment.\nInternalServerException.()");
    client.cancel(null);
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
    waitUntil("memory is given back", () -> memory.take(room));
  }

  @Test
  public void partsOfAStreamBecomeOneResponse() {
    String json = outputs(4);
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), buffer(json.substring(0, 30)));
          sink.chunk(ResponseHead.EMPTY, buffer(json.substring(30, 31)));
          sink.end(buffer(json.substring(31)));
        });
    ModelInferResponse response = ask(channel(), INFER, request(1).build());
    assertEquals(response.getOutputs(0).getContents().getIntContentsCount(), 4);
  }

  @Test
  public void badResponsesFailTheirCallAlone() {
    respondWith("[1, 2]");
    StatusRuntimeException error = inferFailure(request(1).build());
    assertStatus(
        error,
        Status.Code.INTERNAL,
        "The response of the handler does not follow the Open Inference Protocol: it is not a JSON object.\n"
            + "org.pytorch.serve.http.InternalServerException");
    assertTrue(facts(error).getMetadataOrThrow("detail").contains("service_envelope"));
    respondWith(outputs(1));
    assertEquals(ask(channel(), INFER, request(1).build()).getOutputsCount(), 1);
  }

  @Test
  public void badTensorsAreRefusedBeforeAnyHandler() {
    ModelInferRequest.Builder request = request(2);
    request.getInputsBuilder(0).addShape(2);
    assertStatus(
        inferFailure(request.build()),
        Status.Code.INVALID_ARGUMENT,
        "Input 0 (\"x\") has 2 elements in int_contents and 0 in other contents, expected 4 there,"
            + " as shape and datatype INT8 say.\norg.pytorch.serve.http.BadRequestException");
    assertStatus(
        inferFailure(request(1).clearModelName().build()),
        Status.Code.INVALID_ARGUMENT,
        "Parameter model_name is required.\nBadRequestException.()");
    assertTrue(inference.isEmpty());
  }

  @Test
  public void messagesOfCountlessTensorsAreRefusedBeforeTheyAreObjects() {
    // Each of these inputs has two bytes.
    byte[] inputs = new byte[MAX_REQUEST - 10];
    for (int i = 0; i < inputs.length; i += 2) {
      inputs[i] = ModelInferRequest.INPUTS_FIELD_NUMBER << 3 | 2;
    }
    MethodDescriptor<byte[], ModelInferResponse> infer = raw(INFER);
    assertStatus(
        failure(() -> ask(channel(), infer, inputs)),
        Status.Code.INVALID_ARGUMENT,
        "There are more than 4096 inputs, outputs, contents and parameters.\n"
            + "org.pytorch.serve.http.BadRequestException");
  }

  @Test
  public void whatIsNoMessageIsRefusedInWords() {
    StatusRuntimeException error =
        failure(() -> ask(channel(), raw(INFER), new byte[] {(byte) 0xff, (byte) 0xff}));
    assertEquals(error.getStatus().getCode(), Status.Code.INVALID_ARGUMENT);
    assertTrue(
        error.getStatus().getDescription().startsWith("The request is not a ModelInferRequest: "),
        error.toString());
  }

  @Test
  public void compressedRequestsAreRead() {
    respondWith(outputs(1));
    ModelInferResponse response =
        ClientCalls.blockingUnaryCall(
            channel(), INFER, CallOptions.DEFAULT.withCompression("gzip"), request(9000).build());
    assertEquals(response.getOutputsCount(), 1);
    StatusRuntimeException error =
        failure(
            () ->
                ClientCalls.blockingUnaryCall(
                    channel(),
                    INFER,
                    CallOptions.DEFAULT.withCompression("gzip"),
                    request(MAX_REQUEST).build()));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED, error.toString());
  }

  @Test
  public void jsonBeyondTheLimitOfRequestsIsRefused() {
    ModelInferRequest.Builder request = request(0);
    request.getInputsBuilder(0).setDatatype("BOOL").setShape(0, 30_000).clearContents();
    request.addRawInputContents(ByteString.copyFrom(new byte[30_000]));
    StatusRuntimeException error = inferFailure(request.build());
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertTrue(inference.isEmpty());
  }

  @Test
  public void errorsOfTheCoreAndStatusesOfHandlersAreThoseOfPredictions() {
    inference.respond(
        (request, sink) ->
            sink.fail(new ServingException(ErrorKind.MODEL_NOT_FOUND, "Model not found: cats")));
    assertStatus(
        inferFailure(request(1).build()),
        Status.Code.NOT_FOUND,
        "Model not found: cats\norg.pytorch.serve.archive.model.ModelNotFoundException");
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(429, "", ResponseHead.BodyKind.TEXT, List.of()), buffer("later")));
    assertEquals(
        inferFailure(request(1).build()).getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
  }

  @Test
  public void metadataReachesTheHandlerAndItsHeadersTheClient() throws Exception {
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(
                    0, "", ResponseHead.BodyKind.JSON, List.of(new Header("x-cost", "3"))),
                buffer(outputs(1))));
    Metadata sent = new Metadata();
    sent.put(key("explain"), "True");
    sent.put(key("x-request-id"), "mine");
    AtomicReference<Metadata> headers = new AtomicReference<>();
    AtomicReference<Metadata> trailers = new AtomicReference<>();
    ModelInferResponse response =
        ClientCalls.blockingUnaryCall(
            ClientInterceptors.intercept(
                channel(),
                MetadataUtils.newAttachHeadersInterceptor(sent),
                MetadataUtils.newCaptureMetadataInterceptor(headers, trailers)),
            INFER,
            CallOptions.DEFAULT,
            request(1).build());
    assertEquals(response.getId(), "mine", "a request without an id has that of its call");
    assertEquals(inference.next().kind(), RequestKind.EXPLAIN);
    assertEquals(trailers.get().get(key("x-cost")), "3");
    assertEquals(headers.get().get(key("x-request-id")), "mine");
  }

  @Test
  public void clientThatLeavesCancelsItsRequest() throws Exception {
    inference.hold();
    Context.CancellableContext client = begin(channel(), INFER, request(1).build());
    FakeInference.Waiting waiting = inference.nextWaiting();
    client.cancel(null);
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
    waiting.sink().complete(FakeInference.text(), buffer(outputs(1)));
  }

  @Test
  public void requestOfAClientThatLeftIsNotWrittenWhenItsTurnComes() throws Exception {
    CountDownLatch turn = new CountDownLatch(1);
    conversions.execute(() -> awaitQuietly(turn));
    ManagedChannel connection = channel();
    Context.CancellableContext client = begin(connection, INFER, request(40_000).build());
    waitUntil("it is counted", () -> !memory.hasRoom(1 << 20));
    client.cancel(null);
    waitUntil("it is not counted any more", () -> memory.hasRoom(1 << 20));
    turn.countDown();
    respondWith(outputs(1));
    ask(connection, INFER, request(40_000).setId("next").build());
    assertTrue(inference.next().parts().get(0).value().contains("next"));
    assertTrue(inference.isEmpty());
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  public void serverIsReadyByTheDecisionOfTheCore() {
    assertTrue(isReady());
    models.ready = false;
    assertFalse(isReady());
    assertTrue(
        ask(
                channel(),
                rpc(
                    "ServerLive",
                    ServerLiveRequest.getDefaultInstance(),
                    ServerLiveResponse.getDefaultInstance()),
                ServerLiveRequest.getDefaultInstance())
            .getLive());
  }

  private boolean isReady() {
    return ask(
            channel(),
            rpc(
                "ServerReady",
                ServerReadyRequest.getDefaultInstance(),
                ServerReadyResponse.getDefaultInstance()),
            ServerReadyRequest.getDefaultInstance())
        .getReady();
  }

  @Test
  public void serverTellsItsName() {
    assertEquals(
        ask(
            channel(),
            rpc(
                "ServerMetadata",
                ServerMetadataRequest.getDefaultInstance(),
                ServerMetadataResponse.getDefaultInstance()),
            ServerMetadataRequest.getDefaultInstance()),
        ServerMetadataResponse.newBuilder()
            .setName("Torchserve")
            .setVersion("1.2.3")
            .addExtensions("kserve")
            .addExtensions("kubeflow")
            .build());
  }

  @Test
  public void modelsTellTheirVersionsAndWhetherTheyAreReady() {
    MethodDescriptor<ModelReadyRequest, ModelReadyResponse> ready =
        rpc(
            "ModelReady",
            ModelReadyRequest.getDefaultInstance(),
            ModelReadyResponse.getDefaultInstance());
    ModelReadyRequest.Builder cats = ModelReadyRequest.newBuilder().setName("cats");
    assertTrue(ask(channel(), ready, cats.setVersion("2.0").build()).getReady());
    models.ready = false;
    assertFalse(ask(channel(), ready, cats.clearVersion().build()).getReady());
    assertStatus(
        failure(() -> ask(channel(), ready, cats.setVersion("3.0").build())),
        Status.Code.NOT_FOUND,
        "Model version: 3.0 does not exist for model: cats\n"
            + "org.pytorch.serve.archive.model.ModelVersionNotFoundException");
    assertStatus(
        failure(() -> ask(channel(), ready, ModelReadyRequest.getDefaultInstance())),
        Status.Code.INVALID_ARGUMENT,
        "Parameter name is required.\nBadRequestException.()");

    MethodDescriptor<ModelMetadataRequest, ModelMetadataResponse> metadata =
        rpc(
            "ModelMetadata",
            ModelMetadataRequest.getDefaultInstance(),
            ModelMetadataResponse.getDefaultInstance());
    assertEquals(
        ask(channel(), metadata, ModelMetadataRequest.newBuilder().setName("cats").build()),
        ModelMetadataResponse.newBuilder()
            .setName("cats")
            .addVersions("1.0")
            .addVersions("2.0")
            .build());
    assertEquals(
        failure(
                () ->
                    ask(
                        channel(),
                        metadata,
                        ModelMetadataRequest.newBuilder().setName("dogs").build()))
            .getStatus()
            .getCode(),
        Status.Code.NOT_FOUND);
  }

  /** What reflection tells of a service is the file that describes it. */
  @Test(dataProvider = "names")
  public void serviceIsDescribedUnderBothNames(String name) {
    ServiceDescriptor service =
        OpenInferenceService.of(
                new OpenInference(models),
                (exchange, request) -> {},
                "1.0",
                new CallErrors(ErrorForm.next(true)))
            .stream()
            .map(ServerServiceDefinition::getServiceDescriptor)
            .filter(offered -> offered.getName().equals(name))
            .findFirst()
            .orElseThrow();
    Descriptors.ServiceDescriptor described =
        ((ProtoFileDescriptorSupplier) service.getSchemaDescriptor())
            .getFileDescriptor()
            .findServiceByName("GRPCInferenceService");
    assertEquals(described.getFullName(), name);
    Descriptors.Descriptor response = described.findMethodByName("ModelInfer").getOutputType();
    String prefix = name.substring(0, name.lastIndexOf('.'));
    assertEquals(response.getFullName(), prefix + ".ModelInferResponse");
    assertEquals(
        response
            .findFieldByName("outputs")
            .getMessageType()
            .findFieldByName("contents")
            .getMessageType()
            .getFullName(),
        prefix + ".InferTensorContents");
  }

  @Test
  public void noneOfItIsThereUnlessItIsSwitchedOn() throws Exception {
    GrpcServers without = serve(settings(new ServiceSettings(false, Optional.empty())));
    int portWithout = without.bind().get(0).port();
    assertEquals(
        failure(() -> ask(channel(portWithout), INFER, request(1).build())).getStatus().getCode(),
        Status.Code.UNIMPLEMENTED);
  }
}
