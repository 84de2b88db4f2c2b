package org.tsnext.core.worker;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelConfig.WorkerStart;

/**
 * What is needed to start one worker process and have it load its model.
 *
 * @param workerId public id, from 9000 up
 * @param handler {@code module:function}, {@code file.py} or the name of a default handler
 * @param gpuId device for the load order, as the process counts it; empty for CPU
 * @param visibleGpus the GPUs that the process may see, as the server counts them; empty for all
 * @param environment variables to set on top of the server's own, after the block-list was applied
 * @param interpreter Python to use; empty for the server's own
 * @param startupTimeout from the start of the process to the answer to the load order
 * @param parent number of the process that has the model loaded and of which the worker is to be a
 *     fork; empty for a worker that loads the model itself
 * @param async whether the handler is a coroutine that serves several batches at once
 */
public record WorkerOrder(
    int workerId,
    String modelName,
    String modelVersion,
    Path modelDirectory,
    String handler,
    int batchSize,
    OptionalInt gpuId,
    List<Integer> visibleGpus,
    Optional<String> envelope,
    Map<String, String> environment,
    List<Path> pythonPath,
    Optional<Path> interpreter,
    WorkerStart start,
    OptionalInt threads,
    Duration startupTimeout,
    OptionalInt parent,
    boolean async) {

  public WorkerOrder {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(modelDirectory, "modelDirectory");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(gpuId, "gpuId");
    Objects.requireNonNull(envelope, "envelope");
    Objects.requireNonNull(interpreter, "interpreter");
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(threads, "threads");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
    Objects.requireNonNull(parent, "parent");
    visibleGpus = List.copyOf(visibleGpus);
    environment = Map.copyOf(environment);
    pythonPath = List.copyOf(pythonPath);
  }

  /** The name used in logs and metrics: {@code W-9000-digits_1.0}. */
  public String workerName() {
    return "W-" + workerId + "-" + modelName + "_" + modelVersion;
  }
}
