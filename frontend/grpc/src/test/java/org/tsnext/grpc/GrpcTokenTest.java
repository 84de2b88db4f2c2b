package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.Empty;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.grpc.health.HealthApi;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.grpc.messages.inference.TorchServeHealthResponse;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.grpc.settings.ServiceSettings.OpenInferenceProtocol;

/** Servers whose keys are {@code ask} and {@code manage}. */
public class GrpcTokenTest extends GrpcTestBase {

  private static final String REFUSAL =
      "Token Authorization failed. Token either incorrect, expired, or not provided correctly";

  private static final MethodDescriptor<Empty, TorchServeHealthResponse> PING =
      method(
          InferenceApi.NAME,
          "Ping",
          MethodType.UNARY,
          Empty.getDefaultInstance(),
          TorchServeHealthResponse.getDefaultInstance());

  private static final MethodDescriptor<HealthCheckRequest, HealthCheckResponse> CHECK =
      method(
          HealthApi.NAME,
          "Check",
          MethodType.UNARY,
          HealthCheckRequest.getDefaultInstance(),
          HealthCheckResponse.getDefaultInstance());

  private static final MethodDescriptor<Empty, Empty> NOWHERE =
      method(
          "no.Service",
          "Rpc",
          MethodType.UNARY,
          Empty.getDefaultInstance(),
          Empty.getDefaultInstance());

  private static final MethodDescriptor<ModelInferRequest, ModelInferResponse> INFER =
      method(
          "inference.GRPCInferenceService",
          "ModelInfer",
          MethodType.UNARY,
          ModelInferRequest.getDefaultInstance(),
          ModelInferResponse.getDefaultInstance());

  private final ManualTime time = new ManualTime();

  @Override
  ServiceSettings services() {
    return new ServiceSettings(
        true, Optional.of(new OpenInferenceProtocol("1.0.0", Runnable::run)));
  }

  @Override
  GrpcSettings settings() {
    return settings(EnumSet.of(Access.PROBE, Access.DESCRIPTION), false);
  }

  private GrpcSettings settings(Set<Access> open, boolean failuresAs400) {
    AccessTokens keys = new AccessTokens(time);
    keys.put(TokenKind.INFERENCE, "ask", Optional.of(Duration.ofHours(1)), Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.of(Duration.ofHours(1)), Duration.ZERO);
    return settings(
        address("inference", 0),
        new GrpcAccess(
            Optional.of(new GrpcAccess.Tokens(keys, open, failuresAs400)),
            Optional.empty(),
            AllowedPages.none()));
  }

  private <Q, A> A askWith(String authorization, MethodDescriptor<Q, A> rpc, Q request) {
    Metadata sent = new Metadata();
    if (!authorization.isEmpty()) {
      sent.put(key("authorization"), authorization);
    }
    return ClientCalls.blockingUnaryCall(
        ClientInterceptors.intercept(channel(), MetadataUtils.newAttachHeadersInterceptor(sent)),
        rpc,
        CallOptions.DEFAULT,
        request);
  }

  @Test
  public void callWithTheTokenGetsItsResponse() {
    assertEquals(askWith("Bearer ask", PREDICTIONS, cats("")).getPrediction().toStringUtf8(), "ok");
  }

  @Test
  public void theServersTokenStaysFromHandlers() throws InterruptedException {
    Metadata sent = new Metadata();
    sent.put(key("authorization"), "Bearer ask");
    sent.put(key("x-own"), "kept");
    Channel channel =
        ClientInterceptors.intercept(channel(), MetadataUtils.newAttachHeadersInterceptor(sent));
    ClientCalls.blockingUnaryCall(channel, PREDICTIONS, CallOptions.DEFAULT, cats(""));
    assertSeenWithoutTheToken();
    ClientCalls.blockingServerStreamingCall(
            channel, STREAM_PREDICTIONS, CallOptions.DEFAULT, cats(""))
        .forEachRemaining(part -> {});
    assertSeenWithoutTheToken();
    StreamObserver<PredictionsRequest> requests =
        ClientCalls.asyncBidiStreamingCall(
            channel.newCall(STREAM_PREDICTIONS_2, CallOptions.DEFAULT), new Ignoring());
    requests.onNext(cats("").toBuilder().setSequenceId("s").build());
    assertSeenWithoutTheToken();
    requests.onCompleted();
    // What the fake answers is no answer of this protocol.
    ModelInferRequest tensors = ModelInferRequest.newBuilder().setModelName("cats").build();
    failure(() -> ClientCalls.blockingUnaryCall(channel, INFER, CallOptions.DEFAULT, tensors));
    assertSeenWithoutTheToken();
  }

  private void assertSeenWithoutTheToken() throws InterruptedException {
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.header("x-own"), "kept");
    assertFalse(
        seen.headers().stream().anyMatch(header -> header.name().equals("authorization")),
        seen.headers().toString());
  }

  /** The end of a stream that no test looks at. */
  private static final class Ignoring implements StreamObserver<PredictionResponse> {
    @Override
    public void onNext(PredictionResponse part) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }

  @DataProvider
  public Object[][] refusals() {
    return new Object[][] {
      {"", Status.Code.UNAUTHENTICATED, "has no token"},
      {"ask", Status.Code.UNAUTHENTICATED, "is not one scheme, Bearer"},
      {"Bearer", Status.Code.UNAUTHENTICATED, "is not one scheme, Bearer"},
      {"Basic ask", Status.Code.UNAUTHENTICATED, "is not one scheme, Bearer"},
      {"Bearer wrong", Status.Code.UNAUTHENTICATED, "is not known"},
      {"Bearer manage", Status.Code.PERMISSION_DENIED, "for another API"},
    };
  }

  @Test(dataProvider = "refusals")
  public void callWithoutTheKeyIsRefusedWithTheReason(
      String authorization, Status.Code code, String reason) {
    StatusRuntimeException error = failure(() -> askWith(authorization, PREDICTIONS, cats("")));
    assertStatus(error, code, REFUSAL);
    String detail = facts(error).getMetadataOrThrow("detail");
    assertTrue(detail.contains(reason), detail);
    assertTrue(detail.contains("This call needs the inference token"), detail);
    assertTrue(inference.isEmpty());
  }

  @Test
  public void keyThatHasExpiredIsRefused() {
    time.advance(Duration.ofHours(2));
    StatusRuntimeException error = failure(() -> askWith("Bearer ask", PREDICTIONS, cats("")));
    assertStatus(error, Status.Code.UNAUTHENTICATED, REFUSAL);
  }

  @Test
  public void probesNeedNoKeyUnlessTheyAreClosed() throws IOException {
    askWith("", PING, Empty.getDefaultInstance());
    askWith("", CHECK, HealthCheckRequest.getDefaultInstance());
    GrpcServers closed = serve(settings(Set.of(), false));
    port = closed.bind().get(0).port();
    StatusRuntimeException error = failure(() -> askWith("", PING, Empty.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.UNAUTHENTICATED);
    error = failure(() -> askWith("", CHECK, HealthCheckRequest.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.UNAUTHENTICATED);
    askWith("Bearer manage", PING, Empty.getDefaultInstance());
  }

  @Test
  public void whatDoesNotExistIsReportedToClientsWithATokenOnly() {
    StatusRuntimeException error = failure(() -> askWith("", NOWHERE, Empty.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.UNAUTHENTICATED);
    error = failure(() -> askWith("Bearer ask", NOWHERE, Empty.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.UNIMPLEMENTED);
    assertTrue(error.getStatus().getDescription().contains("no.Service/Rpc"));
  }

  @Test
  public void everyRefusalCanBeTheOneOfTorchServe() throws IOException {
    GrpcServers old = serve(settings(Set.of(Access.PROBE), true));
    port = old.bind().get(0).port();
    assertStatus(
        failure(() -> askWith("", PREDICTIONS, cats(""))), Status.Code.PERMISSION_DENIED, REFUSAL);
  }
}
