package org.tsnext.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.testng.SkipException;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Factory;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.time.TimerThread;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.transport.Transport;
import org.tsnext.worker.process.WorkerSettings;

/**
 * The runtime with the real {@code init}, zygote and workers. The interpreter is {@code python3} or
 * what the variable {@code TSNEXT_TEST_PYTHON} names; torch is not needed.
 */
public class RealPythonTest {

  private static final Path PACKAGE = Path.of("..", "..", "ts-python", "src", "ts");
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final String HANDLER =
      """
      import sys, time

      def handle(data, context):
          if data is None:
              return None
          print('handling', len(data))
          print('[METRICS]Items.count:2|#Level:Model|#type:COUNTER|#hostname:h,1700000000')
          words = [bytes(row.get('body', b'')).decode() for row in data]
          if 'sleep' in words:
              time.sleep(60)
          return [word.upper() for word in words]
      """;

  private final boolean unix;
  private final List<String> output = new ArrayList<>();
  private final TimerThread timer = new TimerThread("test-timer");
  private Path folder;
  private EventLoopGroup eventLoops;
  private WorkerRuntime runtime;

  @Factory(dataProvider = "sockets")
  public RealPythonTest(boolean unix) {
    this.unix = unix;
  }

  @DataProvider
  static Object[][] sockets() {
    return new Object[][] {{true}, {false}};
  }

  @DataProvider
  static Object[][] starts() {
    return new Object[][] {{WorkerStart.FORK}, {WorkerStart.SPAWN}};
  }

  @BeforeClass
  public void start() throws IOException {
    if (!Files.exists(PACKAGE.resolve("_zygote").resolve("init.py"))) {
      throw new SkipException("there is no " + PACKAGE + "/_zygote/init.py");
    }
    folder = Files.createTempDirectory("real-test-").toRealPath();
    Files.writeString(folder.resolve("handler.py"), HANDLER);
    Files.writeString(folder.resolve("broken.py"), "import there_is_no_such_module\n");
    String python = System.getenv().getOrDefault("TSNEXT_TEST_PYTHON", "python3");
    WorkerSettings fake = RuntimeFixture.settings(unix, python, folder);
    WorkerSettings settings =
        new WorkerSettings(
            new WorkerSettings.PythonSettings(
                python,
                PACKAGE.toRealPath(),
                fake.python().environment(),
                folder.resolve("imports"),
                WorkerSettings.OwnCores.OFF),
            new WorkerSettings.SocketFolder(folder, unix),
            new WorkerSettings.HandlerSettings(
                fake.handlers().switches(), fake.handlers().sequenceHeaders(), Optional.empty()),
            new WorkerSettings.BodyLimits(
                fake.bodies().maxRequestSize(), fake.bodies().maxResponseSize()));
    Transport transport = Transport.choose(unix);
    eventLoops = transport.newEventLoopGroup(2, "test-loop");
    runtime = new WorkerRuntime(settings, transport, eventLoops, timer, this::print);
    runtime.start();
  }

  @AfterClass(alwaysRun = true)
  public void stop() throws IOException {
    if (runtime != null) {
      runtime.close();
      eventLoops.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
      timer.close();
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  @Test(dataProvider = "starts")
  public void aWorkerLoadsRespondsAndEndsPolitely(WorkerStart start) {
    RecordingListener listener = new RecordingListener();
    WorkerProcess worker = runtime.startWorker(spec("handler:handle", start), listener);
    listener.await("loaded");
    send(worker, 1, "one", "two");
    send(worker, 2, "x".repeat(1_000_000));
    assertEquals(listener.await("response 1/0"), "response 1/0 ONE");
    assertEquals(listener.await("response 1/1"), "response 1/1 TWO");
    assertEquals(listener.await("response 2/0"), "response 2/0 1000000 bytes");
    listener.await("metric Items");
    worker.ping(5);
    listener.await("pong 5");
    worker.stop(Duration.ofSeconds(20));
    assertEquals(listener.await("exited"), "exited 0,0: ");
    List<String> calls = listener.calls();
    assertTrue(calls.get(0).startsWith("started"), calls.toString());
    assertEquals(calls.get(1), "connected");
    assertTrue(calls.get(calls.size() - 2).startsWith("disconnected"), calls.toString());
    Condition.await(
        LIMIT,
        () -> output().contains("W-9000-digits_1.0 stdout handling 2"),
        () -> output().toString());
  }

  @Test(dataProvider = "starts")
  public void aModelThatCannotBeLoadedSaysWhy(WorkerStart start) {
    RecordingListener listener = new RecordingListener();
    runtime.startWorker(spec("broken:handle", start), listener);
    assertTrue(listener.await("load failed 500").contains("there_is_no_such_module"));
    assertTrue(listener.await("exited").startsWith("exited 3,0"));
  }

  @Test(dataProvider = "starts")
  public void theSignalThatEndedAWorkerIsReported(WorkerStart start) {
    RecordingListener listener = new RecordingListener();
    runtime.startWorker(spec("handler:handle", start), listener);
    listener.await("loaded");
    ProcessHandle.of(pid(listener)).orElseThrow().destroyForcibly();
    assertTrue(listener.await("exited").startsWith("exited -1,9"));
  }

  @Test(dataProvider = "starts")
  public void aWorkerThatHangsIsKilled(WorkerStart start) {
    RecordingListener listener = new RecordingListener();
    WorkerProcess worker = runtime.startWorker(spec("handler:handle", start), listener);
    listener.await("loaded");
    send(worker, 1, "sleep");
    worker.kill();
    assertTrue(listener.await("exited").startsWith("exited -1,9"));
  }

  @Test
  public void aWorkerIsKilledBeforeItHasDialledIn() {
    RecordingListener listener = new RecordingListener();
    runtime.startWorker(spec("handler:handle", WorkerStart.SPAWN), listener).kill();
    listener.await("exited");
  }

  @Test
  public void anInterpreterThatIsNotThereIsAnExit() {
    WorkerSpec plain = spec("handler:handle", WorkerStart.SPAWN);
    RecordingListener listener = new RecordingListener();
    runtime.startWorker(withInterpreter(plain, Path.of("/no/such/python")), listener);
    assertTrue(listener.await("exited 127").contains("/no/such/python"));
  }

  @Test(
      dependsOnMethods = {
        "aWorkerLoadsRespondsAndEndsPolitely",
        "aModelThatCannotBeLoadedSaysWhy",
        "theSignalThatEndedAWorkerIsReported",
        "aWorkerThatHangsIsKilled",
        "aWorkerIsKilledBeforeItHasDialledIn",
        "anInterpreterThatIsNotThereIsAnExit"
      })
  public void whenInitIsKilledItsWorkersEndAndANewOneServes() {
    RecordingListener listener = new RecordingListener();
    runtime.startWorker(spec("handler:handle", WorkerStart.FORK), listener);
    listener.await("loaded");
    ProcessHandle worker = ProcessHandle.of(pid(listener)).orElseThrow();
    ProcessHandle init =
        ProcessHandle.current()
            .children()
            .filter(child -> child.info().commandLine().orElse("").contains("init.py"))
            .filter(child -> child.descendants().anyMatch(worker::equals))
            .findFirst()
            .orElseThrow();
    init.destroyForcibly();
    assertTrue(listener.await("exited").contains("init ended"));
    Condition.await(LIMIT, () -> !worker.isAlive(), () -> "end of the worker");
    RecordingListener next = new RecordingListener();
    runtime.startWorker(spec("handler:handle", WorkerStart.FORK), next);
    next.await("loaded");
    assertFalse(next.calls().stream().anyMatch(call -> call.startsWith("exited")));
  }

  private static long pid(RecordingListener listener) {
    return Long.parseLong(listener.await("started").substring("started ".length()));
  }

  private static void send(WorkerProcess worker, int batch, String... words) {
    List<InferenceRequest> items =
        Stream.of(words).map(word -> RuntimeFixture.request(TestWorker.utf8(word))).toList();
    worker.send(batch, items, new int[words.length], FollowedBatch.NOT_FOLLOWED);
    items.forEach(InferenceRequest::release);
  }

  private WorkerSpec spec(String handler, WorkerStart start) {
    return new WorkerSpec(
        9000,
        new WorkerSpec.Model(
            new VersionId("digits", "1.0"), folder, handler, Optional.empty(), 2, false, false),
        new WorkerSpec.Gpus(OptionalInt.empty(), List.of()),
        new WorkerSpec.PythonProcess(
            Map.of(),
            List.of(),
            Optional.empty(),
            start,
            OptionalInt.of(1),
            OptionalInt.empty(),
            Optional.empty()),
        Optional.empty(),
        LIMIT);
  }

  private static WorkerSpec withInterpreter(WorkerSpec spec, Path interpreter) {
    return new WorkerSpec(
        spec.workerId(),
        new WorkerSpec.Model(
            new VersionId(spec.modelName(), spec.modelVersion()),
            spec.model().directory(),
            spec.model().handler(),
            spec.model().envelope(),
            spec.model().batchSize(),
            spec.model().async(),
            spec.model().withdrawable()),
        new WorkerSpec.Gpus(spec.gpus().device(), spec.gpus().visible()),
        new WorkerSpec.PythonProcess(
            spec.process().environment(),
            spec.process().pythonPath(),
            Optional.of(interpreter),
            spec.process().start(),
            spec.process().threads(),
            spec.process().templateId(),
            spec.process().imports()),
        spec.ranks(),
        spec.startupTimeout());
  }

  private synchronized List<String> output() {
    return List.copyOf(output);
  }

  private synchronized void print(String source, boolean stderr, List<String> lines) {
    for (String text : lines) {
      output.add(source + (stderr ? " stderr " : " stdout ") + text);
    }
  }
}
