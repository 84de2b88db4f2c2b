package org.tsnext.core.worker;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * What all workers of one model version have in common.
 *
 * @param baseSpec a spec whose worker id and device are filled in per worker
 * @param gpus devices to deal out
 * @param restarts when a lost worker comes back
 * @param heartbeatInterval how long a worker may be idle before it is asked for a sign of life
 * @param heartbeatTimeout how long it may take for that
 * @param maxFailuresInRow calls of the handler that may fail with no success between them, before
 *     the process is replaced; 0 for any number
 * @param drainTimeout how long a leaving worker may finish what it runs, unless the request says
 */
public record WorkerPlan(
    WorkerSpec baseSpec,
    GpuRotation gpus,
    RestartPolicy restarts,
    Duration heartbeatInterval,
    Duration heartbeatTimeout,
    int maxFailuresInRow,
    Duration drainTimeout) {

  public WorkerPlan {
    Objects.requireNonNull(baseSpec, "template");
    Objects.requireNonNull(gpus, "gpus");
    Objects.requireNonNull(restarts, "restarts");
    Objects.requireNonNull(heartbeatInterval, "heartbeatInterval");
    Objects.requireNonNull(heartbeatTimeout, "heartbeatTimeout");
    Objects.requireNonNull(drainTimeout, "drainTimeout");
  }

  WorkerSpec spec(int workerId, OptionalInt gpuId) {
    List<Integer> visible = gpus.visibleTo(gpuId);
    // A process that sees some GPUs only counts them from 0.
    OptionalInt device = visible.isEmpty() ? gpuId : OptionalInt.of(0);
    return new WorkerSpec(
        workerId,
        baseSpec.model(),
        new WorkerSpec.Gpus(device, visible),
        baseSpec.process(),
        baseSpec.ranks(),
        baseSpec.startupTimeout());
  }
}
