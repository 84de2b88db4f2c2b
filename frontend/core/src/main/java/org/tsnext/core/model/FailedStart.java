package org.tsnext.core.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.HealthReport.ShortModel;
import org.tsnext.core.worker.WorkerError;

/**
 * A model that the operator wanted from the start and that could not be registered.
 *
 * @param version empty if it is not known, since the archive could not be read: it may be any
 * @param spec what would hold for it, as far as it is known
 * @param kind of what went wrong
 */
record FailedStart(Optional<String> version, VersionSpec spec, WorkerError error, ErrorKind kind) {

  /** The version in descriptions of a model whose archive could not be read. */
  static final String UNKNOWN_VERSION = "unknown";

  FailedStart {
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(spec, "spec");
    Objects.requireNonNull(error, "error");
    Objects.requireNonNull(kind, "kind");
  }

  String name() {
    return spec.name();
  }

  /**
   * Whether it may be the one that is asked for.
   *
   * @param asked empty for any
   */
  boolean isVersion(Optional<String> asked) {
    return asked.isEmpty() || version.isEmpty() || asked.equals(version);
  }

  ShortModel asShort() {
    return new ShortModel(name(), spec.version(), 0, spec.settings().workers().min(), reason());
  }

  ModelDescription describe() {
    Diagnosis diagnosis = new Diagnosis(Diagnosis.State.FAILED, 0, reason(), Optional.empty());
    return spec.describe(
        false,
        spec.settings(),
        new ModelDescription.Condition(
            List.of(), 0, diagnosis, Optional.of(error), Optional.of(error)));
  }

  /** What a request for it is answered; the kind and the message are those of an unknown model. */
  ServingException explain(ServingException unknown) {
    return unknown.kind() == ErrorKind.MODEL_NOT_FOUND ? unknown.withDetail(reason()) : unknown;
  }

  private String reason() {
    // Probes need no token: what else the model store has is for those who manage it.
    boolean listsTheStore = kind == ErrorKind.MODEL_NOT_FOUND;
    String detail = error.detail().isEmpty() || listsTheStore ? "" : ": " + error.detail();
    return "It could not be loaded at the start of the server: " + error.message() + detail;
  }
}
