package org.tsnext.core.model;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerExit;
import org.tsnext.core.worker.WorkerLoad;
import org.tsnext.core.worker.WorkerState;
import org.tsnext.core.worker.WorkerView;

/**
 * Everything that is told about one model version.
 *
 * @param settings the effective ones; the batch delay is the one that holds now, if it is adaptive
 */
public record ModelDescription(Identity identity, VersionSettings settings, Condition condition) {

  public ModelDescription {
    Objects.requireNonNull(identity, "identity");
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(condition, "condition");
  }

  /**
   * Which version it is.
   *
   * @param url as given at registration
   * @param loadedAtStartup whether the operator named it
   */
  public record Identity(
      VersionId id, String url, String runtime, boolean loadedAtStartup, boolean defaultVersion) {}

  /**
   * How it is at the moment.
   *
   * @param queueLength requests that wait
   * @param lastError the newest failure of the version, handler errors included
   * @param lastLoadError the newest failure of a worker to come up
   */
  public record Condition(
      List<Worker> workers,
      int queueLength,
      Diagnosis diagnosis,
      Optional<WorkerError> lastError,
      Optional<WorkerError> lastLoadError) {

    public Condition {
      workers = List.copyOf(workers);
    }
  }

  /**
   * One worker.
   *
   * @param stateSince when it entered its state
   */
  public record Worker(
      String id,
      Instant startTime,
      WorkerState state,
      Instant stateSince,
      ProcessUsage process,
      WorkerLoad load,
      History history) {

    /** {@code READY}, {@code LOADING}, {@code UNLOADING} or {@code FAILED}. */
    public String status() {
      return state.status();
    }
  }

  /**
   * The processes of a worker, and what they take.
   *
   * @param memoryBytes resident bytes of all; 0 while they are not known
   * @param gpuUsage what it does on its GPU, for people to read
   */
  public record ProcessUsage(
      WorkerView.Processes processes, long memoryBytes, boolean gpu, Optional<String> gpuUsage) {}

  /**
   * What happened to a worker.
   *
   * @param restarts processes after the first
   * @param recovery empty while it has its model
   * @param lastExit how its latest process ended that did
   * @param plainFork why its process imports for itself what others share; empty if it does not
   */
  public record History(
      int restarts,
      Optional<Recovery> recovery,
      Optional<WorkerExit> lastExit,
      Optional<WorkerError> lastError,
      Optional<String> plainFork) {}

  public String modelName() {
    return identity.id().name();
  }

  public String modelVersion() {
    return identity.id().version();
  }
}
