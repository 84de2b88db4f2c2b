package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.Empty;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.health.HealthApi;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.grpc.messages.inference.TorchServeHealthResponse;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.transport.testing.RawHttp2;
import org.tsnext.transport.testing.RawHttp2.Frame;

/** What one client may cost, over gRPC: time, memory and frames. Times are real, and short. */
public class CallLimitsTest extends GrpcTestBase {

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofSeconds(1);
  private static final int FLOOD = 50_000;
  private static final int ENHANCE_YOUR_CALM = 11;

  private static final String PREDICTIONS_RPC = InferenceApi.NAME + "/Predictions";
  private static final String MANAGEMENT =
      "org.pytorch.serve.grpc.management.ManagementAPIsService/";

  private int connections;

  private void serveWith(Duration idle, Duration reading) throws IOException {
    serveWith(idle, reading, GrpcAccess.open());
  }

  private void serveWith(Duration idle, Duration reading, GrpcAccess access) throws IOException {
    GrpcServers limited =
        serve(
            new GrpcSettings(
                new GrpcSettings.Addresses(
                    address("inference", connections), address("management", connections)),
                new GrpcLimits(MAX_REQUEST, MAX_RESPONSE, STREAM_LIMIT, idle, reading),
                access,
                ErrorForm.next(true),
                true,
                SequenceHeaders.DEFAULT,
                services()));
    List<BoundGrpcListener> listeners = limited.bind();
    port = listeners.get(0).port();
    managementPort = listeners.get(1).port();
  }

  private static GrpcAccess tokens() {
    AccessTokens keys = new AccessTokens(Clock.system());
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    return new GrpcAccess(
        Optional.of(new GrpcAccess.Tokens(keys, Set.of(Access.PROBE, Access.DESCRIPTION), false)),
        Optional.empty(),
        AllowedPages.none());
  }

  private record Variant(String token, String rpc, boolean management) {}

  private static List<Variant> callsThatNeverEnd() {
    List<Variant> variants = new ArrayList<>();
    for (String token : new String[] {"", "wrong", "ask"}) {
      for (String rpc :
          new String[] {
            "no.Service/Rpc",
            PREDICTIONS_RPC,
            InferenceApi.NAME + "/StreamPredictions",
            InferenceApi.NAME + "/StreamPredictions2",
            InferenceApi.NAME + "/Ping",
            HealthApi.NAME + "/Watch",
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
          }) {
        variants.add(new Variant(token, rpc, false));
      }
      variants.add(new Variant(token, MANAGEMENT + "ListModels", true));
      variants.add(new Variant(token, HealthApi.NAME + "/Check", true));
    }
    return variants;
  }

  @Test
  public void headsWithoutAnEndKeepNeitherTheirCallsNorTheirConnections() throws Exception {
    List<Variant> variants = callsThatNeverEnd();
    connections = variants.size();
    serveWith(SHORT, SHORT, tokens());
    List<RawHttp2> clients = new ArrayList<>();
    try {
      for (Variant variant : variants) {
        RawHttp2 client = RawHttp2.connect(variant.management() ? managementPort : port);
        clients.add(client);
        if (variant.token().isEmpty()) {
          client.call(1, variant.rpc());
        } else {
          client.call(1, variant.rpc(), "authorization", "Bearer " + variant.token());
        }
      }
      for (int i = 0; i < clients.size(); i++) {
        Variant variant = variants.get(i);
        assertEquals(clients.get(i).next(RawHttp2.HEADERS, LONG).stream(), 1, variant.toString());
        assertTrue(clients.get(i).isClosedWithin(LONG), variant.toString());
      }
      ManagedChannel other = channel();
      waitUntil("others are served", () -> isHealthy(other));
    } finally {
      for (RawHttp2 client : clients) {
        client.close();
      }
    }
  }

  private static boolean isHealthy(ManagedChannel channel) {
    try {
      ask(
          channel,
          method(
              HealthApi.NAME,
              "Check",
              MethodType.UNARY,
              HealthCheckRequest.getDefaultInstance(),
              HealthCheckResponse.getDefaultInstance()),
          HealthCheckRequest.getDefaultInstance());
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Test
  public void messageWithoutTheEndOfItsCallIsOneThatDidNotCome() throws Exception {
    serveWith(Duration.ZERO, SHORT);
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.call(1, InferenceApi.NAME + "/Ping");
      client.data(1, false, message(0));
      Frame end = client.next(RawHttp2.HEADERS, LONG);
      assertTrue(end.ends());
      assertTrue(end.text().contains("not received in time"), end.text());
    }
  }

  @Test
  public void messageThatTricklesIsOneThatDidNotCome() throws Exception {
    serveWith(Duration.ZERO, SHORT);
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.call(1, PREDICTIONS_RPC);
      byte[] message = message(50_000);
      client.data(1, false, Arrays.copyOf(message, 100));
      Thread trickle =
          new Thread(
              () -> {
                try {
                  while (true) {
                    client.data(1, false, (byte) 0);
                    client.write(RawHttp2.frame(0xbe, 0, 0, new byte[4000]));
                    Thread.sleep(20);
                  }
                } catch (IOException | InterruptedException e) {
                  // The end of the test.
                }
              });
      trickle.start();
      assertTrue(client.next(RawHttp2.HEADERS, LONG).ends());
      trickle.interrupt();
      trickle.join();
    }
    waitUntil("its memory is free", () -> memory.held() == 0);
  }

  @Test
  public void connectionThatNeverBeginsIsClosed() throws Exception {
    serveWith(Duration.ZERO, SHORT);
    try (Socket half = new Socket(InetAddress.getLoopbackAddress(), port)) {
      half.getOutputStream().write("PRI * HT".getBytes(StandardCharsets.US_ASCII));
      half.setSoTimeout((int) LONG.toMillis());
      while (half.getInputStream().read() >= 0) {
        // Settings, and the good-bye.
      }
    }
  }

  @Test
  public void watchWhoseMessageHasComeStaysOpen() throws Exception {
    serveWith(SHORT, SHORT);
    Iterator<HealthCheckResponse> changes =
        ClientCalls.blockingServerStreamingCall(
            channel(),
            method(
                HealthApi.NAME,
                "Watch",
                MethodType.SERVER_STREAMING,
                HealthCheckRequest.getDefaultInstance(),
                HealthCheckResponse.getDefaultInstance()),
            CallOptions.DEFAULT,
            HealthCheckRequest.newBuilder().setService("cats").build());
    changes.next();
    CompletableFuture<HealthCheckResponse> change = CompletableFuture.supplyAsync(changes::next);
    stays(change, SHORT.multipliedBy(2));
    models.ready = false;
    change.get(30, TimeUnit.SECONDS);
  }

  @Test
  public void watchesAreLimitedAndOneThatEndsMakesRoom() throws Exception {
    List<RawHttp2> clients = new ArrayList<>();
    try {
      for (int i = 0; i < 10; i++) {
        RawHttp2 client = RawHttp2.connect(port);
        clients.add(client);
        for (int stream = 1; stream < 200; stream += 2) {
          client.call(stream, HealthApi.NAME + "/Watch");
          client.data(stream, true, message(0));
        }
        for (int begun = 0; begun < 100; begun++) {
          assertFalse(client.next(RawHttp2.HEADERS, LONG).ends());
        }
      }
      ManagedChannel channel = channel();
      assertEquals(
          failure(() -> watchOnce(channel)).getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
      assertTrue(isHealthy(channel));
      clients.remove(0).close();
      waitUntil("there is room", () -> isWatched(channel));
    } finally {
      for (RawHttp2 client : clients) {
        client.close();
      }
    }
  }

  private static void watchOnce(ManagedChannel channel) {
    HealthCheckResponse unused =
        ClientCalls.blockingServerStreamingCall(
                channel, watch(), CallOptions.DEFAULT, HealthCheckRequest.getDefaultInstance())
            .next();
  }

  private static boolean isWatched(ManagedChannel channel) {
    try {
      watchOnce(channel);
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /** There is nothing to wait for: that nothing happens is the promise. */
  private static void stays(CompletableFuture<?> open, Duration howLong) throws Exception {
    try {
      open.get(howLong.toMillis(), TimeUnit.MILLISECONDS);
      throw new AssertionError("it ended");
    } catch (TimeoutException expected) {
      assertFalse(open.isDone());
    }
  }

  private static final class Responses implements StreamObserver<PredictionResponse> {
    private final CompletableFuture<Status> end = new CompletableFuture<>();

    @Override
    public void onNext(PredictionResponse response) {
      // Only the end matters.
    }

    @Override
    public void onError(Throwable error) {
      end.complete(Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK);
    }
  }

  @Test
  public void streamIsOpenWhileARequestIsUnderWayAndEndsWhenItIsIdle() throws Exception {
    serveWith(SHORT, SHORT);
    inference.hold();
    Responses responses = new Responses();
    StreamObserver<PredictionsRequest> requests =
        ClientCalls.asyncBidiStreamingCall(
            channel().newCall(STREAM_PREDICTIONS_2, CallOptions.DEFAULT), responses);
    requests.onNext(cats("x").toBuilder().setSequenceId("s").build());
    FakeInference.Waiting waiting = inference.nextWaiting();
    stays(responses.end, SHORT.multipliedBy(2));
    waiting.sink().complete(FakeInference.text(), Unpooled.EMPTY_BUFFER);
    Status end = responses.end.get(30, TimeUnit.SECONDS);
    assertEquals(end.getCode(), Status.Code.DEADLINE_EXCEEDED);
    assertTrue(end.getDescription().contains("idle"), end.getDescription());
  }

  @Test
  public void streamStaysOpenAsLongAsItsSequenceMayBeIdle() throws Exception {
    serveWith(SHORT, SHORT);
    models.config = sequencesIdleFor(LONG);
    inference.respond(
        (request, sink) -> sink.complete(FakeInference.text(), Unpooled.EMPTY_BUFFER));
    Responses responses = new Responses();
    StreamObserver<PredictionsRequest> requests =
        ClientCalls.asyncBidiStreamingCall(
            channel().newCall(STREAM_PREDICTIONS_2, CallOptions.DEFAULT), responses);
    requests.onNext(cats("x").toBuilder().setSequenceId("s").build());
    inference.next();
    stays(responses.end, SHORT.multipliedBy(2));
    requests.onNext(cats("y").toBuilder().setSequenceId("s").build());
    inference.next();
    models.config = sequencesIdleFor(SHORT);
    Status end = responses.end.get(30, TimeUnit.SECONDS);
    assertEquals(end.getCode(), Status.Code.DEADLINE_EXCEEDED, "beyond the limit of its sequence");
  }

  @Test
  public void streamIsOpenWhileItsClientReadsItsResponses() throws Exception {
    serveWith(SHORT, Duration.ZERO);
    inference.respond(
        (request, sink) -> {
          sink.chunk(FakeInference.text(), Unpooled.wrappedBuffer(new byte[60_000]));
          sink.end(Unpooled.wrappedBuffer(new byte[60_000]));
        });
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.write(RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0}));
      client.call(1, InferenceApi.NAME + "/StreamPredictions2");
      byte[] request = message(cats("x").toBuilder().setSequenceId("s").build().toByteArray());
      client.data(1, false, request);
      inference.next();
      client.next(RawHttp2.HEADERS, LONG);
      long slow = System.nanoTime() + SHORT.multipliedBy(3).toNanos();
      int read = 0;
      while (System.nanoTime() < slow) {
        client.write(RawHttp2.frame(RawHttp2.WINDOW_UPDATE, 0, 1, new byte[] {0, 0, 1, 0}));
        read += client.next(RawHttp2.DATA, LONG).payload().remaining();
        Thread.sleep(50);
      }
      for (int stream = 0; stream < 2; stream++) {
        client.write(RawHttp2.frame(RawHttp2.WINDOW_UPDATE, 0, stream, new byte[] {0, 2, 0, 0}));
      }
      while (read < 120_000) {
        Frame next = client.next(LONG);
        assertFalse(next.ends(), "it was cut after " + read + " bytes");
        read += next.type() == RawHttp2.DATA ? next.payload().remaining() : 0;
      }
    }
  }

  private static ModelConfig sequencesIdleFor(Duration maxIdle) {
    ModelConfig none = ModelConfig.none();
    return new ModelConfig(
        none.workers(),
        none.batching(),
        none.timeouts(),
        none.devices(),
        new ModelConfig.Requests(
            none.queue(),
            new ModelConfig.Sequences(true, maxIdle, Duration.ZERO, 1, 1),
            List.of(),
            ModelConfig.Warmup.NONE),
        none.findings());
  }

  @Test
  public void callWithASlowResponseIsCutWithoutBlame() throws Exception {
    serveWith(SHORT, SHORT);
    inference.hold();
    CompletableFuture<PredictionResponse> response =
        CompletableFuture.supplyAsync(() -> ask(channel(), PREDICTIONS, cats("x")));
    FakeInference.Waiting waiting = inference.nextWaiting();
    stays(response, SHORT.multipliedBy(2));
    waiting.sink().complete(FakeInference.text(), Unpooled.EMPTY_BUFFER);
    response.get(30, TimeUnit.SECONDS);
  }

  @Test
  public void responseThatIsNotReadIsCutAndItsCallEnds() throws Exception {
    // The first call of all takes longer than the limit, on a busy machine.
    ask(channel(), PREDICTIONS, cats("warm"));
    serveWith(SHORT, Duration.ZERO);
    inference.hold();
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.write(RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0}));
      client.call(1, PREDICTIONS_RPC);
      client.data(1, true, message(cats("x").toByteArray()));
      inference
          .nextWaiting()
          .sink()
          .complete(FakeInference.text(), Unpooled.wrappedBuffer(new byte[1000]));
      assertEquals(client.next(RawHttp2.RST_STREAM, LONG).reason(), ENHANCE_YOUR_CALM);
      assertTrue(client.isClosedWithin(LONG));
    }
    waitUntil("its memory is free", () -> memory.held() == 0);
  }

  @DataProvider
  public Object[][] unreadResponses() {
    return new Object[][] {{"Predictions"}, {"StreamPredictions"}, {"StreamPredictions2"}};
  }

  @Test(dataProvider = "unreadResponses")
  public void responseThatIsNotReadIsCounted(String rpc) throws Exception {
    inference.hold();
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.write(RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0}));
      client.call(1, InferenceApi.NAME + "/" + rpc);
      byte[] request = message(cats("x").toBuilder().setSequenceId("s").build().toByteArray());
      client.data(1, !rpc.equals("StreamPredictions2"), request);
      FakeInference.Waiting waiting = inference.nextWaiting();
      if (rpc.equals("Predictions")) {
        waiting.sink().chunk(FakeInference.text(), Unpooled.wrappedBuffer(new byte[900]));
        waitUntil("its first part is counted", () -> memory.held() >= 900);
        waiting.sink().fail(new ServingException(ErrorKind.PREDICTION_FAILED, "broken"));
        client.call(3, InferenceApi.NAME + "/" + rpc);
        client.data(3, true, request);
        inference
            .nextWaiting()
            .sink()
            .complete(FakeInference.text(), Unpooled.wrappedBuffer(new byte[90_000]));
      } else {
        waiting.sink().chunk(FakeInference.text(), Unpooled.wrappedBuffer(new byte[60_000]));
        waiting.sink().end(Unpooled.wrappedBuffer(new byte[30_000]));
      }
      waitUntil("it is counted", () -> memory.held() >= 90_000);
    }
    waitUntil("it is given back", () -> memory.held() == 0);
  }

  @Test
  public void responsesThatWereReadAreNotCounted() throws Exception {
    inference.hold();
    byte[] request = message(cats("x").toBuilder().setSequenceId("s").build().toByteArray());
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.write(RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 1, 0, 0}));
      client.call(1, InferenceApi.NAME + "/StreamPredictions2");
      client.data(1, false, request);
      inference
          .nextWaiting()
          .sink()
          .complete(FakeInference.text(), Unpooled.wrappedBuffer(new byte[60_000]));
      waitUntil("the client has it", () -> memory.held() == 0);
    }
  }

  @Test
  public void messagesThatNeverEndAreCountedAndRefusedBeyondTheirShare() throws Exception {
    List<RawHttp2> clients = new ArrayList<>();
    try {
      for (int i = 0; i < 2; i++) {
        RawHttp2 client = RawHttp2.connect(port);
        clients.add(client);
        byte[] start = Arrays.copyOf(message(16_384), 16_005);
        for (int stream = 1; stream < 20; stream += 2) {
          client.call(stream, PREDICTIONS_RPC);
          client.data(stream, false, start);
        }
        client.write(RawHttp2.frame(RawHttp2.PING, 0, 0, new byte[] {1, 2, 3, 4, 5, 6, 7, 8}));
        Frame next = client.next(LONG);
        while (!isResponse(next)) {
          next = client.next(LONG);
        }
      }
      long share = (1 << 20) / 8;
      assertTrue(memory.held() <= share && memory.held() > share / 2, memory.held() + " bytes");
      waitUntil("large messages find room", () -> isServed(cats("x".repeat(60_000))));
      StatusRuntimeException small =
          failure(() -> ask(channel(), PREDICTIONS, cats("x".repeat(15_000))));
      assertEquals(small.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
      assertTrue(small.getStatus().getDescription().contains("too many small bodies"));
    } finally {
      for (RawHttp2 client : clients) {
        client.close();
      }
    }
    waitUntil("it is given back", () -> memory.held() == 0);
  }

  private static boolean isResponse(Frame frame) {
    return frame.type() == RawHttp2.PING
        && frame.flags() == 1
        && frame.payload().get(0) == 1
        && frame.payload().get(7) == 8;
  }

  private boolean isServed(PredictionsRequest request) {
    try {
      ask(channel(), PREDICTIONS, request);
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Test
  public void completeMessageIsCountedWhileItsCallGoesOn() throws Exception {
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.call(1, PREDICTIONS_RPC);
      client.data(1, false, message(10_000));
      waitUntil("it is counted", () -> memory.held() == 10_000);
    }
    waitUntil("it is given back", () -> memory.held() == 0);
  }

  @Test
  public void whatAStreamSendsAheadIsCounted() throws Exception {
    inference.hold();
    byte[] request = message(cats("x").toBuilder().setSequenceId("s").build().toByteArray());
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.call(1, InferenceApi.NAME + "/StreamPredictions2");
      for (int i = 0; i < 64; i++) {
        client.data(1, false, request);
        inference.nextWaiting();
      }
      long before = memory.held();
      client.data(1, false, new byte[10_000]);
      waitUntil("it is counted", () -> memory.held() == before + 10_000);
    }
    waitUntil("it is given back", () -> memory.held() == 0);
  }

  @Test
  public void messagesToRpcsThatNeedNoKeyAreSmall() {
    var ping =
        raw(
            method(
                InferenceApi.NAME,
                "Ping",
                MethodType.UNARY,
                Empty.getDefaultInstance(),
                TorchServeHealthResponse.getDefaultInstance()));
    StatusRuntimeException error = failure(() -> ask(channel(), ping, new byte[20_000]));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED);
    assertTrue(error.getStatus().getDescription().contains("16384"), error.toString());
  }

  @DataProvider
  public Object[][] rpcs() {
    return new Object[][] {{PREDICTIONS}, {STREAM_PREDICTIONS}, {watch()}};
  }

  private static MethodDescriptor<HealthCheckRequest, HealthCheckResponse> watch() {
    return method(
        HealthApi.NAME,
        "Watch",
        MethodType.SERVER_STREAMING,
        HealthCheckRequest.getDefaultInstance(),
        HealthCheckResponse.getDefaultInstance());
  }

  @Test(dataProvider = "rpcs")
  public void messageThatUnpacksBeyondTheLimitIsResourceExhausted(MethodDescriptor<?, ?> rpc) {
    byte[] bomb = new byte[20 * MAX_REQUEST];
    bomb[0] = 0x7a;
    StatusRuntimeException error =
        failure(
            () ->
                ClientCalls.blockingServerStreamingCall(
                        channel(),
                        raw(rpc).toBuilder().setType(MethodType.SERVER_STREAMING).build(),
                        CallOptions.DEFAULT.withCompression("gzip"),
                        bomb)
                    .forEachRemaining(part -> {}));
    assertEquals(error.getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED, error.toString());
    assertTrue(inference.isEmpty());
  }

  @Test
  public void onAStreamOfManyItIsTheErrorOfItsMessageAlone() {
    List<PredictionResponse> responses = new ArrayList<>();
    byte[] bomb = new byte[20 * MAX_REQUEST];
    bomb[0] = 0x7a;
    ClientCalls.blockingServerStreamingCall(
            channel(),
            raw(STREAM_PREDICTIONS_2).toBuilder().setType(MethodType.SERVER_STREAMING).build(),
            CallOptions.DEFAULT.withCompression("gzip"),
            bomb)
        .forEachRemaining(responses::add);
    assertEquals(responses.get(0).getStatus().getCode(), Status.Code.RESOURCE_EXHAUSTED.value());
  }

  @Test
  public void brokenCompressionIsTheClientsError() throws Exception {
    try (RawHttp2 client = RawHttp2.connect(port)) {
      client.call(1, PREDICTIONS_RPC, "grpc-encoding", "gzip");
      byte[] message = message(100);
      message[0] = 1;
      client.data(1, true, message);
      String end = client.next(RawHttp2.HEADERS, LONG).text();
      assertTrue(end.contains("is not a PredictionsRequest"), end);
    }
  }

  @DataProvider
  public Object[][] frames() {
    return RawHttp2.floods();
  }

  @Test(dataProvider = "frames")
  public void floodEndsItsConnection(String name, byte[] frame) throws Exception {
    try (RawHttp2 client = RawHttp2.connect(port)) {
      assertTrue(client.isEndedBy(frame, FLOOD, LONG), name);
    }
  }

  @Test
  public void streamOfThousandsOfMessagesIsNoFlood() throws Exception {
    List<PredictionResponse> parts = new ArrayList<>();
    inference.respond(
        (request, sink) -> {
          for (int i = 0; i < 3000; i++) {
            sink.chunk(FakeInference.text(), Unpooled.wrappedBuffer(new byte[] {'x'}));
          }
          sink.end(Unpooled.EMPTY_BUFFER);
        });
    ManagedChannel channel = channel();
    for (int i = 0; i < 3; i++) {
      parts.addAll(stream(channel, cats("x")));
    }
    assertTrue(parts.size() >= 9000, parts.size() + " parts");
  }

  /** A message of zeros, with what goes before it. */
  private static byte[] message(int length) {
    return message(new byte[length]);
  }

  private static byte[] message(byte[] content) {
    byte[] message = new byte[5 + content.length];
    message[1] = (byte) (content.length >> 24);
    message[2] = (byte) (content.length >> 16);
    message[3] = (byte) (content.length >> 8);
    message[4] = (byte) content.length;
    System.arraycopy(content, 0, message, 5, content.length);
    return message;
  }
}
