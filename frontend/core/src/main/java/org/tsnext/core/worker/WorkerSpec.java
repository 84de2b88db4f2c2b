package org.tsnext.core.worker;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.Torchrun;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.settings.VersionId;

/**
 * What is needed to start one worker process and have it load its model.
 *
 * @param workerId public id, from 9000 up
 * @param ranks the processes of one worker; empty for a worker that is one process
 * @param startupTimeout from the start of the process to the answer to the LOAD message
 */
public record WorkerSpec(
    int workerId,
    Model model,
    Gpus gpus,
    PythonProcess process,
    Optional<RankGroup> ranks,
    Duration startupTimeout) {

  /** Variable of a worker: whether {@code init} gives it cores of its own. */
  public static final String OWN_CORES = "TS_CPU_LAUNCHER";

  /**
   * What the process loads.
   *
   * @param handler {@code module:function}, {@code file.py} or the name of a default handler
   * @param async whether the handler is a coroutine that serves several batches at once
   * @param withdrawable whether batches may be taken back that it has not begun
   */
  public record Model(
      VersionId id,
      Path directory,
      String handler,
      Optional<String> envelope,
      int batchSize,
      boolean async,
      boolean withdrawable) {

    public Model {
      Objects.requireNonNull(id, "id");
      Objects.requireNonNull(directory, "directory");
      Objects.requireNonNull(handler, "handler");
      Objects.requireNonNull(envelope, "envelope");
    }
  }

  /**
   * Where it runs.
   *
   * @param device for the LOAD message, as the process counts it; empty for CPU
   * @param visible the GPUs that the process may see, as the server counts them; empty for all
   */
  public record Gpus(OptionalInt device, List<Integer> visible) {

    /** No GPU, and none hidden. */
    public static final Gpus NONE = new Gpus(OptionalInt.empty(), List.of());

    public Gpus {
      Objects.requireNonNull(device, "device");
      visible = List.copyOf(visible);
    }
  }

  /**
   * How the process is started.
   *
   * @param environment variables to set on top of the server's own, after the block-list was
   *     applied
   * @param interpreter Python to use; empty for the server's own
   * @param templateId number of the process that has the model loaded and of which the worker is to
   *     be a fork; empty for a worker that loads the model itself
   * @param imports from which process with modules that are imported it may be a fork; empty for
   *     none
   */
  public record PythonProcess(
      Map<String, String> environment,
      List<Path> pythonPath,
      Optional<Path> interpreter,
      WorkerStart start,
      OptionalInt threads,
      OptionalInt templateId,
      Optional<TemplateImports> imports) {

    public PythonProcess {
      Objects.requireNonNull(interpreter, "interpreter");
      Objects.requireNonNull(start, "start");
      Objects.requireNonNull(threads, "threads");
      Objects.requireNonNull(templateId, "templateId");
      Objects.requireNonNull(imports, "imports");
      environment = Map.copyOf(environment);
      pythonPath = List.copyOf(pythonPath);
    }

    /** The number by which {@link WorkerStarter#release} knows what the worker is a fork of. */
    OptionalInt templates() {
      return templateId.isPresent() || imports.isEmpty()
          ? templateId
          : OptionalInt.of(imports.get().versionId());
    }
  }

  /**
   * What is imported for the workers of a version before they are forked.
   *
   * @param versionId number of the version, until {@link WorkerStarter#release}
   * @param names of modules; empty to find out
   */
  public record TemplateImports(int versionId, Optional<List<String>> names) {

    public TemplateImports {
      names = names.map(List::copyOf);
    }
  }

  /**
   * Several processes that are one worker, started by torchrun.
   *
   * @param size how many
   * @param torchrun further options
   */
  public record RankGroup(ParallelType type, int size, Torchrun torchrun) {

    public RankGroup {
      Objects.requireNonNull(type, "type");
      Objects.requireNonNull(torchrun, "torchrun");
      if (size < 1) {
        throw new IllegalArgumentException("size is " + size + ", expected at least 1");
      }
    }
  }

  public WorkerSpec {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(gpus, "gpus");
    Objects.requireNonNull(process, "process");
    Objects.requireNonNull(ranks, "ranks");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
  }

  public String modelName() {
    return model.id().name();
  }

  public String modelVersion() {
    return model.id().version();
  }

  /** The name used in logs and metrics: {@code W-9000-digits_1.0}. */
  public String workerName() {
    return "W-" + workerId + "-" + modelName() + "_" + modelVersion();
  }
}
