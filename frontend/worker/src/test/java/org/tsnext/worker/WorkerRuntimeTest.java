package org.tsnext.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Factory;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.transport.Transport;
import org.tsnext.worker.RuntimeFixture.SpawnedProcess;
import org.tsnext.worker.TestWorker.Frame;
import org.tsnext.worker.connection.HelloHandler;
import org.tsnext.worker.connection.WorkerConnection;
import org.tsnext.worker.process.SpawnedWorker;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.PythonRuntime;

/** The runtime over both kinds of socket; the test is the worker, and init a small script. */
public class WorkerRuntimeTest {

  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final boolean unix;
  private RuntimeFixture fixture;
  private RecordingListener listener;

  @Factory(dataProvider = "sockets")
  public WorkerRuntimeTest(boolean unix) {
    this.unix = unix;
  }

  @DataProvider
  static Object[][] sockets() {
    boolean unixToo = Transport.choose(true).supportsUnixSockets();
    return unixToo ? new Object[][] {{true}, {false}} : new Object[][] {{false}};
  }

  @BeforeMethod
  public void start() throws IOException {
    fixture = new RuntimeFixture(unix);
    fixture.runtime.start();
    listener = fixture.listener;
    Condition.await(LIMIT, () -> fixture.runtime.python().isPresent(), () -> "READY");
    // Until init counts as stable: no timer is left then.
    fixture.time.advance(Duration.ofSeconds(10));
  }

  @AfterMethod(alwaysRun = true)
  public void stop() throws IOException {
    fixture.close();
  }

  @Test
  public void spawnRequestOfAPreloadedModelNamesItsTemplateAndWhatThatLoads() throws IOException {
    SpawnedProcess spawned = fixture.spawn("preload");
    assertEquals(spawned.request().get("parent").getAsInt(), 3);
    try (TestWorker worker = spawned.dial()) {
      worker.hello(1, spawned.secret());
      assertEquals(spawned.request().get("load"), worker.read().json(), "the same as its LOAD");
    }
    fixture.runtime.release(3);
    Condition.await(
        LIMIT,
        () -> fixture.output().contains("zygote stdout release of 3"),
        () -> "RELEASE within " + fixture.output());
  }

  @Test
  public void importsAreAskedForAndToldByTheNumberOfTheVersion() throws IOException {
    SpawnedProcess spawned = fixture.spawn("imports");
    JsonObject imports = spawned.request().getAsJsonObject("imports");
    assertEquals(imports.get("version").getAsInt(), 4);
    assertEquals(imports.getAsJsonArray("names").toString(), "[\"torchvision\"]");
    fixture.runtime.imported(4, List.of("torchvision.ops", "PIL"));
    Condition.await(
        LIMIT,
        () ->
            fixture
                .output()
                .contains("zygote stdout imported of 4 {\"names\":[\"torchvision.ops\",\"PIL\"]}"),
        () -> "IMPORTED within " + fixture.output());
  }

  @Test
  public void batchesAreWithdrawnOverTheControlConnection() throws IOException {
    SpawnedProcess spawned = fixture.spawn("control");
    try (TestWorker worker = spawned.dial()) {
      worker.hello(1, spawned.secret());
      assertTrue(worker.read().json().get("control").getAsBoolean(), "LOAD asks for it");
      assertFalse(spawned.process().canWithdraw());
      try (TestWorker control = spawned.dial()) {
        control.helloOfControl(1, spawned.secret());
        awaitWithdrawals(spawned, true);
        worker.loaded();
        listener.await("loaded 5");
        spawned.process().withdraw(7);
        Frame asked = control.read();
        assertEquals(asked.type(), FrameType.WITHDRAW);
        assertEquals(asked.id(), 7);
        control.write(FrameType.WITHDRAWN.code(), 0, 0xFFFF, 7, new byte[0]);
        listener.await("withdrawn 7");
        control.write(FrameType.BEGUN.code(), 0, 0xFFFF, 8, new byte[0]);
        listener.await("begun 8");
        control.write(FrameType.PONG.code(), 0, 0, 1, new byte[0]);
        assertTrue(control.atEnd(), "for nothing else");
      }
      awaitWithdrawals(spawned, false);
      spawned.process().withdraw(9);
      worker.write(FrameType.WITHDRAWN.code(), 0, 0xFFFF, 9, new byte[0]);
      listener.await("withdrawn 9");
      worker.respond(10, 0, TestWorker.utf8("goes on"));
      listener.await("response 10/0 goes on");
    }
  }

  @Test
  public void aControlConnectionIsTheSecondOneOfAWorkerAndTheOnlyOne() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker early = spawned.dial();
        TestWorker worker = spawned.dial();
        TestWorker stranger = spawned.dial();
        TestWorker control = spawned.dial();
        TestWorker second = spawned.dial()) {
      early.helloOfControl(1, spawned.secret());
      assertTrue(early.atEnd(), "before the first one");
      worker.hello(1, spawned.secret());
      worker.read();
      stranger.helloOfControl(1, "0".repeat(64));
      assertTrue(stranger.atEnd(), "with a wrong secret");
      control.helloOfControl(1, spawned.secret());
      awaitWithdrawals(spawned, true);
      second.helloOfControl(1, spawned.secret());
      assertTrue(second.atEnd(), "a second time");
      worker.hangUp();
      assertTrue(control.atEnd(), "ends with the first one");
    }
  }

  private static void awaitWithdrawals(SpawnedProcess spawned, boolean possible) {
    Condition.await(
        LIMIT, () -> spawned.process().canWithdraw() == possible, () -> "canWithdraw " + possible);
  }

  @Test
  public void aWorkerDialsInLoadsAndResponds() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = spawned.dial()) {
      worker.hello(1, spawned.secret());
      Frame load = worker.read();
      assertEquals(load.type(), FrameType.LOAD);
      assertEquals(load.json().get("model_name").getAsString(), "digits");
      assertEquals(load.json().get("batch_size").getAsInt(), 4);
      assertFalse(load.json().has("gpu_id"));
      assertFalse(load.json().has("control"));
      worker.loaded();
      listener.await("loaded 5");

      List<InferenceRequest> batch =
          List.of(RuntimeFixture.request(new byte[100]), RuntimeFixture.request(new byte[2]));
      spawned.process().send(7, batch, new int[] {0, 1500}, FollowedBatch.NOT_FOLLOWED);
      batch.forEach(InferenceRequest::release);
      spawned.process().cancel(7, 1);
      spawned.process().ping(99);
      Frame first = worker.read();
      Frame second = worker.read();
      assertEquals(first.item(), 0);
      assertEquals(first.flags(), 0);
      assertEquals(second.item(), 1);
      assertEquals(second.flags(), FrameType.Flags.LAST_ITEM);
      assertEquals(worker.read().type(), FrameType.CANCEL);
      assertEquals(worker.read().id(), 99);

      worker.respond(7, 0, TestWorker.utf8("seven"));
      worker.write(FrameType.PONG.code(), 0, 0, 99, new byte[0]);
      listener.await("pong 99");
    }
    listener.await("disconnected: closed by the worker");
    spawned.process().kill();
    listener.await("exited");
    assertEquals(
        listener.calls(),
        List.of(
            "started 1001",
            "connected",
            "loaded 5",
            "response 7/0 seven",
            "pong 99",
            "disconnected: closed by the worker",
            "exited -1,9: "));
  }

  @Test
  public void aLargeResponseInSeveralFramesArrivesWhole() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      int total = 7 + 1_000_000;
      ByteBuffer first = ByteBuffer.allocate(4 + 500_000).putInt(total);
      byte[] rest = new byte[total - 500_000];
      worker.write(FrameType.RESPONSE.code(), FrameType.Flags.MORE, 0, 3, first.array());
      worker.write(FrameType.RESPONSE.code(), FrameType.Flags.CONTINUED, 0, 3, rest);
      assertEquals(listener.await("response"), "response 3/0 1000000 bytes");
    }
  }

  @Test
  public void aLargeRequestIsWrittenWholeWhileTheWorkerReadsSlowly() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      InferenceRequest request = RuntimeFixture.request(new byte[3_000_000]);
      spawned.process().send(1, List.of(request), new int[1], FollowedBatch.NOT_FOLLOWED);
      request.release();
      long bytes = 0;
      Frame frame;
      do {
        frame = worker.read();
        bytes += frame.body().remaining();
      } while (frame.flags() != (FrameType.Flags.CONTINUED | FrameType.Flags.LAST_ITEM));
      assertTrue(bytes > 3_000_000, bytes + " bytes");
    }
  }

  @Test
  public void aRequestThatDoesNotFitTheProtocolGetsAnError() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      InferenceRequest request = RuntimeFixture.request(new byte[9_000_000]);
      spawned.process().send(5, List.of(request), new int[1], FollowedBatch.NOT_FOLLOWED);
      request.release();
      listener.await("not sent 5: 400 The request cannot be passed to a worker");
      spawned.process().ping(1);
      assertEquals(worker.read().type(), FrameType.PING);
    }
  }

  @Test
  public void aWrongSecretIsRefusedAndTheRightOneStillWorks() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker stranger = spawned.dial();
        TestWorker worker = spawned.dial()) {
      stranger.hello(1, "x" + spawned.secret().substring(1));
      assertTrue(stranger.atEnd());
      worker.hello(1, spawned.secret());
      assertEquals(worker.read().type(), FrameType.LOAD);
    }
  }

  @Test
  public void aSpawnedWorkerIsAcceptedOnceOnly() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned);
        TestWorker second = spawned.dial()) {
      second.hello(1, spawned.secret());
      assertTrue(second.atEnd());
      spawned.process().ping(3);
      assertEquals(worker.read().type(), FrameType.PING);
    }
  }

  @Test
  public void aWorkerThatWasNotSpawnedIsRefused() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker stranger = spawned.dial()) {
      stranger.hello(4711, spawned.secret());
      assertTrue(stranger.atEnd());
    }
  }

  @Test
  public void connectionThatDoesNotSayHelloIsClosed() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker stranger = spawned.dial()) {
      // Before another connection comes: which of them a time-out belongs to cannot be seen.
      Condition.await(LIMIT, () -> fixture.time.pending() == 1, () -> "time-out of the stranger");
      try (TestWorker eager = spawned.dial()) {
        eager.loaded();
        assertTrue(eager.atEnd());
      }
      stranger.writeRaw(ByteBuffer.wrap(new byte[] {0, 0}));
      Condition.await(LIMIT, () -> fixture.time.pending() == 1, () -> "end of the other time-out");
      fixture.time.advance(HelloHandler.TIMEOUT);
      assertTrue(stranger.atEnd());
    }
  }

  @Test
  public void tooManyStrangersAreRefusedUntilOthersLeave() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    List<TestWorker> strangers = new ArrayList<>();
    try {
      for (int i = 0; i < HelloHandler.MAX_STRANGERS; i++) {
        strangers.add(spawned.dial());
      }
      int all = HelloHandler.MAX_STRANGERS;
      Condition.await(LIMIT, () -> fixture.time.pending() >= all, () -> "all connections");
      try (TestWorker refused = spawned.dial()) {
        assertTrue(refused.atEnd());
      }
    } finally {
      for (TestWorker stranger : strangers) {
        stranger.close();
      }
    }
    Condition.await(LIMIT, () -> fixture.time.pending() == 0, () -> "strangers gone");
    loadedWorker(spawned).close();
  }

  @Test
  public void aMalformedFrameClosesTheConnectionWithTheReason() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      worker.respond(1, 0, TestWorker.utf8("fine"));
      worker.write(99, 0, 0, 1, new byte[0]);
      assertEquals(listener.await("disconnected"), "disconnected: type 99 does not exist");
      listener.await("response 1/0 fine");
      assertTrue(worker.atEnd());
    }
  }

  @Test
  public void aResponseBeforeLoadedIsAViolation() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = spawned.dial()) {
      worker.hello(1, spawned.secret());
      worker.read();
      worker.respond(1, 0, TestWorker.utf8("early"));
      assertTrue(listener.await("disconnected").contains("Response while LOADING"));
    }
  }

  @Test
  public void aFailedLoadIsReported() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = spawned.dial()) {
      worker.hello(1, spawned.secret());
      worker.read();
      String failed =
          "{\"code\":507,\"message\":\"m\",\"detail\":\"MemoryError\",\"traceback\":\"\"}";
      worker.write(FrameType.FAILED.code(), 0, 0, 0, TestWorker.utf8(failed));
    }
    listener.await("load failed 507 MemoryError");
    listener.await("disconnected");
  }

  @Test
  public void theExitIsReportedAfterAllThatTheWorkerWrote() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      spawned.process().kill();
      // Not yet: the socket is open, and more may come.
      for (int i = 0; i < 500; i++) {
        worker.respond(i, 0, new byte[1000]);
      }
    }
    listener.await("exited");
    List<String> calls = listener.calls();
    assertEquals(calls.size(), 3 + 500 + 2);
    assertTrue(calls.get(503).startsWith("disconnected"), calls.get(503));
    assertEquals(calls.get(504), "exited -1,9: ");
  }

  @Test
  public void anEndedProcessWhoseSocketStaysOpenIsGivenUpAfterALimit() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      Duration limit = WorkerConnection.END_OF_STREAM_LIMIT;
      assertFalse(fixture.time.isDueWithin(limit));
      spawned.process().kill();
      // The limit for the report of the kill is longer: what falls due is the one for the socket.
      Condition.await(LIMIT, () -> fixture.time.isDueWithin(limit), () -> "limit for the socket");
      fixture.time.advance(limit);
      Condition.await(LIMIT, () -> listener.calls().size() >= 5, () -> listener.calls().toString());
      assertTrue(worker.atEnd());
      assertEquals(listener.calls().get(4), "exited -1,9: ");
    }
  }

  @Test
  public void stopLetsTheWorkerFinishAndKillsItAfterTheGrace() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      spawned
          .process()
          .send(
              1,
              List.of(RuntimeFixture.request(new byte[1])),
              new int[1],
              FollowedBatch.NOT_FOLLOWED);
      spawned.process().stop(Duration.ofSeconds(3));
      assertEquals(worker.read().type(), FrameType.PREDICT);
      assertTrue(worker.atEnd());
      worker.respond(1, 0, TestWorker.utf8("late"));
      listener.await("response 1/0 late");
      spawned.process().cancel(1, 0);
      fixture.time.advance(Duration.ofSeconds(2));
      worker.respond(2, 0, TestWorker.utf8("later"));
      listener.await("response 2/0 later");
      fixture.time.advance(Duration.ofSeconds(2));
    }
    listener.await("disconnected: closed by the frontend");
    listener.await("exited -1,9");
  }

  @Test
  public void aWorkerThatLivesOnWithoutItsConnectionIsKilled() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    loadedWorker(spawned).close();
    listener.await("disconnected");
    Condition.await(LIMIT, () -> fixture.time.pending() > 0, () -> "limit of its life");
    fixture.time.advance(SpawnedWorker.LINGER_LIMIT);
    listener.await("exited -1,9");
  }

  @Test
  public void killBeforeItDialsInEndsItWithoutDisconnected() {
    SpawnedProcess spawned = fixture.spawn("");
    spawned.process().stop(Duration.ofSeconds(3));
    listener.await("exited");
    assertEquals(listener.calls(), List.of("started 1001", "exited -1,9: "));
  }

  @Test
  public void aWorkerThatDialsInBeforeItsStartIsReportedIsStartedFirst() throws IOException {
    SpawnedProcess spawned = fixture.spawn("late");
    loadedWorker(spawned).close();
    assertEquals(listener.calls().subList(0, 2), List.of("started 1001", "connected"));
  }

  @Test
  public void whatCannotBeStartedExitsWithTheReason() {
    fixture.runtime.startWorker(fixture.spec("cannot start"), listener);
    listener.await("exited");
    assertEquals(listener.calls(), List.of("exited 127,0: no such file: /x/python"));
  }

  @Test
  public void anEnvironmentTooLargeForInitFailsThatWorkerAlone() {
    fixture.runtime.startWorker(fixture.spec("x".repeat(2_000_000)), listener);
    assertTrue(listener.await("exited 127").contains("environment is too large"));
    fixture.spawn("");
  }

  @Test
  public void aCrashHasTheLastLinesOfStderrAsItsReason() {
    fixture.spawn("crash");
    listener.await("exited");
    assertEquals(
        listener.calls(),
        List.of("started 1001", "exited 1,0: Traceback\nImportError: no module named x"));
  }

  @Test
  public void outputIsLoggedLineByLineAndMetricsAreTakenOut() {
    fixture.spawn("print");
    listener.await("metric Speed");
    String worker = "W-9000-digits_1.0";
    List<String> expected =
        List.of(
            worker + " stdout one",
            worker + " stdout twö",
            worker + " stdout ",
            worker + " stdout last",
            worker + " stderr warned \uFFFD",
            worker + " stdout [METRICS]nonsense",
            "zygote stderr from the zygote");
    Condition.await(
        LIMIT, () -> fixture.output().size() > expected.size(), () -> fixture.output().toString());
    assertEquals(fixture.output().subList(1, expected.size() + 1), expected);
    MetricSample sample = listener.samples().get(0);
    assertEquals(sample.unit(), "Milliseconds");
    assertEquals(sample.requestIds(), "r1");
  }

  @Test
  public void whenInitDiesItsWorkersEndAndTheNextRunsOnANewOne() throws IOException {
    SpawnedProcess spawned = fixture.spawn("");
    try (TestWorker worker = loadedWorker(spawned)) {
      fixture.runtime.startWorker(fixture.spec("die"), new RecordingListener());
      worker.respond(1, 0, TestWorker.utf8("last words"));
      listener.await("response 1/0 last words");
    }
    assertTrue(listener.await("exited").contains("init ended: its output ended, exit code 7"));
    startWorkerOnANewInit();
  }

  @Test
  public void anInitThatSpeaksNonsenseIsReplaced() {
    fixture.runtime.startWorker(fixture.spec("garbage"), listener);
    assertTrue(listener.await("exited").contains("length 1, expected 8"));
    startWorkerOnANewInit();
  }

  @Test
  public void workersWaitForTheNextInit() {
    RecordingListener first = new RecordingListener();
    fixture.runtime.startWorker(fixture.spec("die"), first);
    first.await("exited");
    RecordingListener taken = new RecordingListener();
    fixture.runtime.startWorker(fixture.spec(""), taken).kill();
    taken.await("exited 127,0: ended before it was started");
    fixture.runtime.startWorker(fixture.spec(""), listener);
    startWorkerOnANewInit();
    listener.await("started");
  }

  @Test
  public void initTellsWhatPythonItRunsOn() {
    PythonRuntime python = fixture.runtime.python().orElseThrow();
    assertEquals(python.python(), "3.11.7");
    assertTrue(python.fork());
    assertTrue(python.torch().isEmpty());
  }

  @Test
  public void closeEndsTheWorkersAndRemovesTheSocket() {
    SpawnedProcess spawned = fixture.spawn("");
    String address = fixture.runtime.address();
    fixture.runtime.close();
    listener.await("exited -1,9");
    // NIO closes the descriptor in the next turn of its loop.
    Condition.await(LIMIT, () -> refusesToDial(spawned), () -> "the closed socket");
    if (unix) {
      assertFalse(Files.exists(Path.of(address.substring("unix:".length())).getParent()));
    }
    fixture.runtime.startWorker(fixture.spec(""), listener);
  }

  @Test
  public void theSocketIsPrivate() throws IOException {
    String address = fixture.runtime.address();
    if (!unix) {
      assertTrue(address.matches("tcp:127\\.0\\.0\\.1:[0-9]+"), address);
      return;
    }
    Path socket = Path.of(address.substring("unix:".length()));
    assertEquals(
        PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())),
        "rwx------");
  }

  @Test
  public void theSpawnRequestHasTheWholeEnvironmentButNoSecrets() {
    SpawnedProcess spawned = fixture.spawn("");
    var environment = spawned.request().getAsJsonObject("env");
    assertEquals(environment.get("PATH").getAsString(), System.getenv("PATH"));
    assertFalse(environment.has("FAKE_SECRET") || environment.has("FAKE_BLOCKED"));
    assertEquals(environment.get("TS_REQUEST_SEQUENCE_ID").getAsString(), "seq-id");
    assertEquals(spawned.request().get("worker").getAsString(), "9000");
    assertEquals(spawned.secret().length(), 64);
  }

  private static boolean refusesToDial(SpawnedProcess spawned) {
    try {
      spawned.dial().close();
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private void startWorkerOnANewInit() {
    RecordingListener next = new RecordingListener();
    fixture.runtime.startWorker(fixture.spec(""), next);
    Condition.await(
        LIMIT,
        () -> {
          fixture.time.advance(Duration.ofSeconds(1));
          return next.calls().stream().anyMatch(call -> call.startsWith("started"));
        },
        () -> "a new init; " + next.calls());
  }

  private TestWorker loadedWorker(SpawnedProcess spawned) throws IOException {
    TestWorker worker = spawned.dial();
    worker.hello(1, spawned.secret());
    assertEquals(worker.read().type(), FrameType.LOAD);
    worker.loaded();
    listener.await("loaded");
    return worker;
  }
}
