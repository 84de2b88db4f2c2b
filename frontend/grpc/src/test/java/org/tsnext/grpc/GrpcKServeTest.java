package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.grpc.messages.management.DescribeModelRequest;
import org.tsnext.grpc.messages.management.ManagementResponse;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.messages.openinference.ServerMetadataRequest;
import org.tsnext.grpc.messages.openinference.ServerMetadataResponse;
import org.tsnext.grpc.messages.openinference.ServerReadyRequest;
import org.tsnext.grpc.messages.openinference.ServerReadyResponse;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.grpc.settings.ServiceSettings;

/** The further listener for KServe of a server with tokens. */
public class GrpcKServeTest extends GrpcTestBase {

  private static final String SERVICE = "inference.GRPCInferenceService";

  private static final MethodDescriptor<ModelInferRequest, ModelInferResponse> INFER =
      method(
          SERVICE,
          "ModelInfer",
          MethodType.UNARY,
          ModelInferRequest.getDefaultInstance(),
          ModelInferResponse.getDefaultInstance());

  private static final MethodDescriptor<ServerReadyRequest, ServerReadyResponse> READY =
      method(
          SERVICE,
          "ServerReady",
          MethodType.UNARY,
          ServerReadyRequest.getDefaultInstance(),
          ServerReadyResponse.getDefaultInstance());

  private static final MethodDescriptor<ServerMetadataRequest, ServerMetadataResponse> METADATA =
      method(
          SERVICE,
          "ServerMetadata",
          MethodType.UNARY,
          ServerMetadataRequest.getDefaultInstance(),
          ServerMetadataResponse.getDefaultInstance());

  private static final MethodDescriptor<DescribeModelRequest, ManagementResponse> DESCRIBE =
      method(
          "org.pytorch.serve.grpc.management.ManagementAPIsService",
          "DescribeModel",
          MethodType.UNARY,
          DescribeModelRequest.getDefaultInstance(),
          ManagementResponse.getDefaultInstance());

  private int kservePort;

  @Override
  ServiceSettings services() {
    return new ServiceSettings(
        true, Optional.of(new ServiceSettings.OpenInferenceProtocol("1.0.0", Runnable::run)));
  }

  @BeforeMethod
  public void startKServe() throws IOException {
    AccessTokens tokens = new AccessTokens(Clock.system());
    tokens.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    tokens.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    GrpcAccess access =
        new GrpcAccess(
            Optional.of(new GrpcAccess.Tokens(tokens, Set.of(Access.INFERENCE), false)),
            Optional.empty(),
            AllowedPages.none());
    GrpcSettings plain = settings(address("inference", 0), access);
    GrpcSettings settings =
        new GrpcSettings(
            new GrpcSettings.Addresses(
                address("inference", 0),
                address("management", 0),
                Optional.of(address("kserve", 0))),
            plain.limits(),
            access,
            ErrorForm.next(true),
            false,
            plain.sequences(),
            plain.services());
    List<BoundGrpcListener> listeners = serve(settings).bind();
    assertEquals(
        listeners.stream().map(BoundGrpcListener::role).toList(),
        List.of("inference", "management", "kserve"));
    port = listeners.get(0).port();
    managementPort = listeners.get(1).port();
    kservePort = listeners.get(2).port();
  }

  private static <Q, A> A call(Channel channel, MethodDescriptor<Q, A> rpc, Q request) {
    return ClientCalls.blockingUnaryCall(channel, rpc, CallOptions.DEFAULT, request);
  }

  private static <Q, A> Status.Code refusal(
      Channel channel, MethodDescriptor<Q, A> rpc, Q request) {
    return expectThrows(StatusRuntimeException.class, () -> call(channel, rpc, request))
        .getStatus()
        .getCode();
  }

  @Test
  public void protocolIsSpokenWithoutATokenThereAndOnTheInferencePort() throws Exception {
    inference.respond(
        (request, sink) -> sink.fail(new ServingException(ErrorKind.BAD_REQUEST, "seen")));
    ModelInferRequest request = ModelInferRequest.newBuilder().setModelName("cats").build();
    for (int each : new int[] {kservePort, port}) {
      assertEquals(refusal(channel(each), INFER, request), Status.Code.INVALID_ARGUMENT);
      assertEquals(inference.next().model(), "cats");
    }
    assertTrue(
        call(channel(kservePort), READY, ServerReadyRequest.getDefaultInstance()).getReady());
    assertEquals(
        call(channel(kservePort), METADATA, ServerMetadataRequest.getDefaultInstance()).getName(),
        "Torchserve");
    assertEquals(
        refusal(channel(port), READY, ServerReadyRequest.getDefaultInstance()),
        Status.Code.UNAUTHENTICATED,
        "token_free_routes=none closes probes of the other listeners");
  }

  @Test
  public void managementNeedsItsTokenAndIsNotThere() {
    DescribeModelRequest request = DescribeModelRequest.newBuilder().setModelName("cats").build();
    assertEquals(refusal(channel(managementPort), DESCRIBE, request), Status.Code.UNAUTHENTICATED);
    assertEquals(refusal(channel(kservePort), DESCRIBE, request), Status.Code.UNIMPLEMENTED);
    assertEquals(
        refusal(
            channel(kservePort),
            predictions("Predictions", MethodType.UNARY),
            PredictionsRequest.getDefaultInstance()),
        Status.Code.UNIMPLEMENTED,
        InferenceApi.NAME);
  }

  @Test
  public void serversTokenStaysFromHandlers() throws Exception {
    Metadata token = new Metadata();
    token.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer manage");
    Channel channel =
        ClientInterceptors.intercept(
            channel(kservePort), MetadataUtils.newAttachHeadersInterceptor(token));
    ModelInferRequest request = ModelInferRequest.newBuilder().setModelName("cats").build();
    expectThrows(StatusRuntimeException.class, () -> call(channel, INFER, request));
    assertNull(inference.next().header("authorization"));
  }
}
