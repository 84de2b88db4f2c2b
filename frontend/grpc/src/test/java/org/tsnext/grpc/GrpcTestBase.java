package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.fail;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.netty.channel.EventLoopGroup;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.testng.annotations.AfterClass;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.BeforeMethod;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.FakeModels;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcAddress;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.Transport;
import org.tsnext.transport.testing.LeakWatch;

/** Real servers on free ports in front of fakes of the core, new for each test. */
abstract class GrpcTestBase {

  static final int MAX_REQUEST = 100_000;
  static final int MAX_RESPONSE = 1000;
  static final int STREAM_LIMIT = 64 * 1024;

  static final MethodDescriptor<PredictionsRequest, PredictionResponse> PREDICTIONS =
      predictions("Predictions", MethodType.UNARY);
  static final MethodDescriptor<PredictionsRequest, PredictionResponse> STREAM_PREDICTIONS =
      predictions("StreamPredictions", MethodType.SERVER_STREAMING);
  static final MethodDescriptor<PredictionsRequest, PredictionResponse> STREAM_PREDICTIONS_2 =
      predictions("StreamPredictions2", MethodType.BIDI_STREAMING);

  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] bytes) {
          return new ByteArrayInputStream(bytes);
        }

        @Override
        public byte[] parse(InputStream stream) {
          throw new UnsupportedOperationException("a client reads no requests");
        }
      };

  final Transport transport = Transport.choose(true);
  private EventLoopGroup loops;
  private LeakWatch leaks;
  private final List<AutoCloseable> open = new ArrayList<>();
  FakeInference inference;
  FakeModels models;
  BodyMemory memory;
  GrpcServers servers;
  int port;
  int managementPort;

  @BeforeClass
  public void startLoops() {
    leaks = new LeakWatch();
    loops = transport.newEventLoopGroup(2, "grpc-test");
  }

  @AfterClass(alwaysRun = true)
  public void endLoops() throws InterruptedException {
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    leaks.check();
  }

  @BeforeMethod
  public void startServers() throws IOException {
    inference = new FakeInference();
    models = new FakeModels();
    memory = new BodyMemory(1 << 20);
    servers = serve(settings());
    List<BoundGrpcListener> listeners = servers.bind();
    port = listeners.get(0).port();
    managementPort = listeners.get(1).port();
  }

  @AfterMethod(alwaysRun = true)
  public void stopServers() throws Exception {
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
    open.clear();
  }

  GrpcSettings settings() {
    return settings(address("inference", 0), GrpcAccess.open());
  }

  final GrpcSettings settings(GrpcAddress inferenceAddress, GrpcAccess access) {
    return settings(inferenceAddress, access, services());
  }

  final GrpcSettings settings(ServiceSettings services) {
    return settings(address("inference", 0), GrpcAccess.open(), services);
  }

  private static GrpcSettings settings(
      GrpcAddress inferenceAddress, GrpcAccess access, ServiceSettings services) {
    return new GrpcSettings(
        new GrpcSettings.Addresses(inferenceAddress, address("management", 0)),
        new GrpcLimits(MAX_REQUEST, MAX_RESPONSE, STREAM_LIMIT, Duration.ZERO, Duration.ZERO),
        access,
        ErrorForm.next(true),
        true,
        SequenceHeaders.DEFAULT,
        services);
  }

  ServiceSettings services() {
    return new ServiceSettings(true, Optional.empty());
  }

  static GrpcAddress address(String role, int maxConnections) {
    return new GrpcAddress(
        "127.0.0.1",
        0,
        "grpc_" + role + "_port",
        maxConnections,
        role + "_max_connections",
        Optional.empty(),
        Optional.empty());
  }

  /** Servers that are closed after the test. */
  final GrpcServers serve(GrpcSettings settings) {
    GrpcServers made =
        new GrpcServers(settings, inference, models, memory, transport, loops, Clock.system());
    open.add(made);
    return made;
  }

  final ManagedChannel channel() {
    return channel(port);
  }

  final ManagedChannel channel(int toPort) {
    return keep(NettyChannelBuilder.forAddress("127.0.0.1", toPort).usePlaintext().build());
  }

  final ManagedChannel keep(ManagedChannel channel) {
    open.add(0, channel::shutdownNow);
    return channel;
  }

  static MethodDescriptor<PredictionsRequest, PredictionResponse> predictions(
      String rpc, MethodType type) {
    return method(
        InferenceApi.NAME,
        rpc,
        type,
        PredictionsRequest.getDefaultInstance(),
        PredictionResponse.getDefaultInstance());
  }

  static <Q extends Message, A extends Message> MethodDescriptor<Q, A> method(
      String service, String rpc, MethodType type, Q request, A response) {
    return MethodDescriptor.newBuilder(
            ProtoUtils.marshaller(request), ProtoUtils.marshaller(response))
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(service, rpc))
        .build();
  }

  /** The same rpc, for a client that sends what it likes. */
  static <A> MethodDescriptor<byte[], A> raw(MethodDescriptor<?, A> method) {
    return method.toBuilder(BYTES, method.getResponseMarshaller()).build();
  }

  static PredictionsRequest cats(String data) {
    return PredictionsRequest.newBuilder()
        .setModelName("cats")
        .putInput("data", ByteString.copyFromUtf8(data))
        .build();
  }

  static <Q, A> A ask(ManagedChannel channel, MethodDescriptor<Q, A> method, Q request) {
    return ClientCalls.blockingUnaryCall(
        channel, method, CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS), request);
  }

  /**
   * Begins a call whose response is not read.
   *
   * @return cancelled when the client leaves
   */
  static <Q, A> Context.CancellableContext begin(
      ManagedChannel channel, MethodDescriptor<Q, A> method, Q request) {
    Context.CancellableContext client = Context.current().withCancellation();
    client.run(
        () -> {
          Future<A> unused =
              ClientCalls.futureUnaryCall(channel.newCall(method, CallOptions.DEFAULT), request);
        });
    return client;
  }

  static List<PredictionResponse> stream(ManagedChannel channel, PredictionsRequest request) {
    List<PredictionResponse> parts = new ArrayList<>();
    ClientCalls.blockingServerStreamingCall(
            channel, STREAM_PREDICTIONS, CallOptions.DEFAULT, request)
        .forEachRemaining(parts::add);
    return parts;
  }

  /** The error that a call ends with. */
  static StatusRuntimeException failure(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      return e;
    }
    fail("the call should have failed");
    throw new AssertionError();
  }

  static void assertStatus(StatusRuntimeException error, Status.Code code, String description) {
    assertEquals(error.getStatus().getCode(), code, error.toString());
    assertEquals(error.getStatus().getDescription(), description);
  }

  /** The facts beside an error's status. */
  static ErrorInfo facts(StatusRuntimeException error) {
    return facts(StatusProto.fromThrowable(error));
  }

  static ErrorInfo facts(com.google.rpc.Status status) {
    try {
      Any only = status.getDetails(0);
      return only.unpack(ErrorInfo.class);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  static void waitUntil(String what, BooleanSupplier condition) throws InterruptedException {
    long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > limit) {
        throw new AssertionError("not within 30 s: " + what);
      }
      Thread.sleep(5);
    }
  }
}
