package org.tsnext.core.worker;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/** A worker as it is at one moment, for descriptions and health. */
public record WorkerView(
    Identity identity,
    WorkerState state,
    Instant stateSince,
    Processes processes,
    WorkerLoad load,
    History history,
    Optional<WorkerError> lastError) {

  /**
   * What a worker keeps while its processes come and go.
   *
   * @param startTime when the worker, not its latest process, was created
   */
  public record Identity(int id, OptionalInt gpuId, Instant startTime) {}

  /**
   * Its processes.
   *
   * @param pid of what was started; empty while there is none
   * @param ranks process ids by rank of a worker that has several; else empty
   */
  public record Processes(OptionalLong pid, List<Long> ranks) {

    /** No process. */
    public static final Processes NONE = new Processes(OptionalLong.empty(), List.of());

    public Processes {
      ranks = List.copyOf(ranks);
    }

    /** One process. */
    public static Processes of(long pid) {
      return new Processes(OptionalLong.of(pid), List.of());
    }

    /** All of them. */
    public List<Long> all() {
      return LongStream.concat(pid.stream(), ranks.stream().mapToLong(Long::longValue))
          .distinct()
          .boxed()
          .toList();
    }
  }

  /**
   * What became of its processes.
   *
   * @param restarts processes after the first
   * @param firstFailureNanos when the recovery window opened; empty while nothing is wrong
   * @param recovery empty while nothing is wrong
   * @param lastExit how its latest process ended that did
   * @param plainFork why its process imports for itself what others share; empty if it does not
   */
  public record History(
      int restarts,
      OptionalLong firstFailureNanos,
      Optional<Recovery> recovery,
      Optional<WorkerExit> lastExit,
      Optional<String> plainFork) {}
}
