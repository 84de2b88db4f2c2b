package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.FakeModels;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.testing.RecordingSink;

/** Workflows on fakes of the core's doors; archives are folders that a test has written. */
final class WorkflowFixture {

  static final int MAX_REQUEST = 1000;

  final ManualTime time = new ManualTime();
  final FakeInference inference = new FakeInference();
  final Nodes models = new Nodes();
  final Folders folders;
  final Workflows workflows;

  WorkflowFixture(Path folder, Compatibility compatibility) {
    folders = new Folders(folder);
    workflows =
        new Workflows(
            folders,
            new Workflows.Doors(models, inference),
            new ServingCore.Execution(time, time, Runnable::run),
            new Workflows.Limits(MAX_REQUEST, Duration.ofSeconds(30)),
            compatibility);
  }

  /** Counts what is open. */
  static final class Folders implements ModelSource {
    private final Path folder;
    int open;

    Folders(Path folder) {
      this.folder = folder;
    }

    @Override
    public ModelArchive open(ModelLocation location) {
      open++;
      return new ModelArchive(
          location.text(), location.text(), folder, Optional.empty(), ModelConfig.none(), true);
    }

    @Override
    public void release(ModelArchive archive) {
      open--;
    }

    @Override
    public List<String> list() {
      return List.of();
    }
  }

  /** Registers everything but the nodes that a test names. */
  static final class Nodes extends FakeModels {
    final List<RegisterModel> registered = new ArrayList<>();
    final List<String> scaled = new ArrayList<>();
    final List<String> removed = new ArrayList<>();
    String failing = "";

    @Override
    public CompletableFuture<ScaleResult> register(RegisterModel registration) {
      String name = registration.modelName().orElseThrow();
      if (name.equals(failing)) {
        return CompletableFuture.failedFuture(
            new ServingException(ErrorKind.WORKER_LOAD_FAILED, "Load model failed")
                .withDetail("KeyError: 'vocab'"));
      }
      registered.add(registration);
      return CompletableFuture.completedFuture(
          new ScaleResult(ScaleResult.Outcome.DONE, name, "1.0", 1));
    }

    @Override
    public CompletableFuture<ScaleResult> scale(
        String modelName, Optional<String> version, ScaleModel scaling) {
      scaled.add(modelName + " " + scaling.minWorkers() + ".." + scaling.maxWorkers());
      return CompletableFuture.completedFuture(
          new ScaleResult(ScaleResult.Outcome.DONE, modelName, "1.0", 1));
    }

    @Override
    public CompletableFuture<Void> unregister(String modelName, Optional<String> version) {
      removed.add(modelName);
      return CompletableFuture.completedFuture(null);
    }
  }

  /** Writes an archive named {@code pipe} with that specification, and a handler file. */
  static void write(Path folder, String spec) {
    try {
      Files.createDirectories(folder.resolve("WAR-INF"));
      Files.writeString(
          folder.resolve("WAR-INF/MANIFEST.json"),
          """
          {"createdOn": "1", "archiverVersion": "0.2.15",
           "workflow": {"workflowName": "pipe", "specFile": "spec.yaml", "handler": "functions.py"}}
          """);
      Files.writeString(folder.resolve("spec.yaml"), spec);
      Files.writeString(folder.resolve("functions.py"), "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Removes what {@link #write} has written. */
  static void remove(Path folder) throws IOException {
    for (String name : List.of("WAR-INF/MANIFEST.json", "WAR-INF", "spec.yaml", "functions.py")) {
      Files.deleteIfExists(folder.resolve(name));
    }
    Files.delete(folder);
  }

  CompletableFuture<String> register() {
    return workflows.register(
        new RegisterWorkflow(
            "pipe.war", Optional.empty(), Duration.ofMinutes(2), Duration.ofMinutes(2), false));
  }

  /** A request with one input. */
  static InferenceRequest request(String body, Optional<Duration> timeout) {
    return new InferenceRequest(
        "r1",
        new InferenceRequest.Target("pipe", Optional.empty()),
        RequestKind.PREDICT,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        List.of(new Header("x-user", "me")),
        List.of(new InputPart("data", "text/plain", buffer(body))),
        timeout);
  }

  InferenceCall submit(String body, RecordingSink sink) {
    return workflows.submit(request(body, Optional.empty()), sink);
  }

  static ByteBuf buffer(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }
}
