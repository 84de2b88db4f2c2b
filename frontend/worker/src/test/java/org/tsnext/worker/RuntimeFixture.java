package org.tsnext.worker;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.transport.Transport;
import org.tsnext.worker.environment.ProcessEnvironment;
import org.tsnext.worker.process.WorkerSettings;

/** A runtime on top of the init of src/test/python, with a clock that tests move. */
final class RuntimeFixture implements AutoCloseable {

  static final Path FAKE_PACKAGE = Path.of("src", "test", "python").toAbsolutePath();
  private static final Duration LIMIT = Duration.ofMinutes(1);

  final ManualTime time = new ManualTime();
  final RecordingListener listener = new RecordingListener();
  final WorkerRuntime runtime;
  private final EventLoopGroup eventLoops;
  private final List<String> output = new ArrayList<>();
  private final Path folder;

  RuntimeFixture(boolean unix) throws IOException {
    this(unix, "python3");
  }

  RuntimeFixture(boolean unix, String python) throws IOException {
    Transport transport = Transport.choose(unix);
    eventLoops = transport.newEventLoopGroup(2, "test-loop");
    folder = Files.createTempDirectory("worker-test-");
    runtime =
        new WorkerRuntime(settings(unix, python, folder), transport, eventLoops, time, this::print);
  }

  static WorkerSettings settings(boolean unix, String python, Path folder) {
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.put("FAKE_SECRET", "hidden");
    environment.put("FAKE_BLOCKED", "blocked");
    return new WorkerSettings(
        new WorkerSettings.PythonSettings(
            python,
            FAKE_PACKAGE,
            new ProcessEnvironment(
                environment, Optional.of(Pattern.compile(".*BLOCKED")), Set.of("FAKE_SECRET")),
            folder.resolve("imports"),
            WorkerSettings.OwnCores.OFF),
        new WorkerSettings.SocketFolder(folder, unix),
        new WorkerSettings.HandlerSettings(
            new WorkerSettings.HandlerSwitches(
                true, true, false, false, 100_000_000, "error", false),
            new SequenceHeaders("seq-id", "seq-start", "seq-end"),
            Optional.empty()),
        new WorkerSettings.BodyLimits(6_553_500, 6_553_500));
  }

  WorkerSpec spec(String behaviour) {
    return spec(behaviour, WorkerStart.FORK);
  }

  WorkerSpec spec(String behaviour, WorkerStart start) {
    return new WorkerSpec(
        9000,
        new WorkerSpec.Model(
            new VersionId("digits", "1.0"),
            folder,
            "handler.py",
            Optional.empty(),
            4,
            false,
            behaviour.equals("control")),
        new WorkerSpec.Gpus(OptionalInt.empty(), List.of()),
        new WorkerSpec.PythonProcess(
            Map.of("FAKE_BEHAVIOUR", behaviour),
            List.of(),
            Optional.empty(),
            start,
            OptionalInt.of(1),
            behaviour.equals("preload") ? OptionalInt.of(3) : OptionalInt.empty(),
            behaviour.equals("imports")
                ? Optional.of(
                    new WorkerSpec.TemplateImports(4, Optional.of(List.of("torchvision"))))
                : Optional.empty()),
        Optional.empty(),
        Duration.ofMinutes(1));
  }

  /** Starts a worker and waits for the spawn request to come back from init. */
  SpawnedProcess spawn(String behaviour) {
    int before = spawnRequests().size();
    WorkerProcess process = runtime.startWorker(spec(behaviour), listener);
    Condition.await(LIMIT, () -> spawnRequests().size() > before, () -> "SPAWN within " + output());
    return new SpawnedProcess(process, spawnRequests().get(before));
  }

  /** A worker and its spawn request. */
  record SpawnedProcess(WorkerProcess process, JsonObject request) {
    String secret() {
      return request.get("secret").getAsString();
    }

    TestWorker dial() throws IOException {
      return TestWorker.dial(request.get("address").getAsString());
    }
  }

  synchronized List<String> output() {
    return List.copyOf(output);
  }

  Path folder() {
    return folder;
  }

  /** A request with one part; the receiver releases it. */
  static InferenceRequest request(byte[] content) {
    return new InferenceRequest(
        "r-1",
        new InferenceRequest.Target("digits", Optional.empty()),
        RequestKind.PREDICT,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        List.of(),
        List.of(new InputPart("body", "", Unpooled.wrappedBuffer(content))),
        Optional.empty());
  }

  @Override
  public void close() throws IOException {
    runtime.close();
    eventLoops.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
    Files.deleteIfExists(folder);
  }

  private List<JsonObject> spawnRequests() {
    return output().stream()
        .filter(line -> line.contains("\"secret\""))
        .map(line -> JsonParser.parseString(line.substring(line.indexOf('{'))).getAsJsonObject())
        .toList();
  }

  private synchronized void print(String source, boolean stderr, List<String> lines) {
    for (String text : lines) {
      output.add(source + (stderr ? " stderr " : " stdout ") + text);
    }
  }
}
