package org.tsnext.grpc.call;

import io.grpc.Status;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** The gRPC codes of TorchServe 0.12, where they differ from ours and are asked for. */
enum OriginalCodes {
  /** Of services that 0.12 does not have. */
  NONE,
  /** What was refused before any worker saw it was {@code INTERNAL}. */
  INFERENCE,
  /** Conflicts ended a call as any exception did that was not foreseen. */
  MANAGEMENT;

  private static final Set<ErrorKind> REFUSED =
      EnumSet.of(
          ErrorKind.MODEL_NOT_FOUND,
          ErrorKind.MODEL_VERSION_NOT_FOUND,
          ErrorKind.NO_WORKER,
          ErrorKind.QUEUE_FULL,
          ErrorKind.SEQUENCE_CLOSED);

  private static final Map<ErrorKind, Deviation> UNFORESEEN =
      Map.of(
          ErrorKind.CONFLICT, Deviation.GRPC_CONFLICTS,
          ErrorKind.DEFAULT_VERSION_IN_USE, Deviation.GRPC_CONFLICTS,
          ErrorKind.UNREGISTER_TIMEOUT, Deviation.GRPC_CONFLICTS);

  /** The code of 0.12, or empty where ours is the same or stays. */
  Optional<Status.Code> of(ServingException error, ErrorForm form) {
    return switch (this) {
      case NONE -> Optional.empty();
      case INFERENCE -> inference(error, form);
      case MANAGEMENT -> management(error, form);
    };
  }

  private static Optional<Status.Code> inference(ServingException error, ErrorForm form) {
    if (isMissingName(error) && form.isOriginal(Deviation.GRPC_MISSING_NAME)) {
      return Optional.of(Status.Code.INTERNAL);
    }
    if (!form.isOriginal(Deviation.GRPC_STATUSES)) {
      return Optional.empty();
    }
    if (REFUSED.contains(error.kind())) {
      return Optional.of(Status.Code.INTERNAL);
    }
    return switch (error.kind()) {
      case WORKER_LOST, OUT_OF_RESOURCES -> Optional.of(Status.Code.INTERNAL);
      default -> Optional.empty();
    };
  }

  private static Optional<Status.Code> management(ServingException error, ErrorForm form) {
    Deviation row =
        isMissingName(error) ? Deviation.GRPC_MISSING_NAME : UNFORESEEN.get(error.kind());
    return row != null && form.isOriginal(row)
        ? Optional.of(Status.Code.UNKNOWN)
        : Optional.empty();
  }

  private static boolean isMissingName(ServingException error) {
    return error.kind() == ErrorKind.BAD_REQUEST
        && "Parameter model_name is required.".equals(error.getMessage());
  }
}
