package org.tsnext.core.model;

import org.tsnext.archive.ArchiveException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** What a model that could not be opened is to a client. */
final class ArchiveErrors {

  private ArchiveErrors() {}

  /** The error that a client gets. */
  static ServingException of(ArchiveException failure) {
    ServingException error =
        new ServingException(kindOf(failure.reason()), failure.getMessage(), failure);
    return failure.detail().map(error::withDetail).orElse(error);
  }

  private static ErrorKind kindOf(ArchiveException.Reason reason) {
    return switch (reason) {
      case NOT_FOUND -> ErrorKind.MODEL_NOT_FOUND;
      case INVALID -> ErrorKind.INVALID_MODEL;
      case DOWNLOAD_FAILED -> ErrorKind.DOWNLOAD_FAILED;
      case NO_SPACE -> ErrorKind.OUT_OF_RESOURCES;
      case IO -> ErrorKind.INTERNAL;
    };
  }
}
