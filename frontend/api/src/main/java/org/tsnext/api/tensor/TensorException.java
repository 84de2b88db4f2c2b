package org.tsnext.api.tensor;

/** Something about a tensor is not as it should be. The message is the rest of a sentence. */
public final class TensorException extends Exception {

  public TensorException(String message) {
    super(message);
  }
}
