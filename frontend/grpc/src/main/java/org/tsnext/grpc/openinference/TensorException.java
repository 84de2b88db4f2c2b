package org.tsnext.grpc.openinference;

/** Something about a tensor is not as it should be. The message is the rest of a sentence. */
final class TensorException extends Exception {

  TensorException(String message) {
    super(message);
  }
}
