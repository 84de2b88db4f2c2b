package org.tsnext.grpc.openinference;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;

/**
 * Counts the tensors and parameters of a {@code ModelInferRequest} before it is read: an empty one
 * has two bytes, and is an object of a hundred.
 */
final class InferGuard {

  /** In all places of one message together. */
  private static final int MAX_PARTS = 4096;

  private int found;

  private InferGuard() {}

  /**
   * @throws ServingException BAD_REQUEST if there are too many
   * @throws IOException if it is no message
   */
  static void check(ByteString bytes) throws IOException {
    CodedInputStream input = bytes.newCodedInput();
    InferGuard guard = new InferGuard();
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      switch (lengthField(tag)) {
        case ModelInferRequest.INPUTS_FIELD_NUMBER ->
            guard.tensor(input, ModelInferRequest.InferInputTensor.PARAMETERS_FIELD_NUMBER);
        case ModelInferRequest.OUTPUTS_FIELD_NUMBER ->
            guard.tensor(
                input, ModelInferRequest.InferRequestedOutputTensor.PARAMETERS_FIELD_NUMBER);
        case ModelInferRequest.PARAMETERS_FIELD_NUMBER,
            ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER -> {
          guard.count();
          input.skipField(tag);
        }
        default -> input.skipField(tag);
      }
    }
  }

  private void tensor(CodedInputStream input, int parameters) throws IOException {
    count();
    int outer = input.pushLimit(input.readRawVarint32());
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      if (lengthField(tag) == parameters) {
        count();
      }
      input.skipField(tag);
    }
    input.popLimit(outer);
  }

  private void count() {
    found++;
    if (found > MAX_PARTS) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "There are more than " + MAX_PARTS + " inputs, outputs, contents and parameters.");
    }
  }

  /** The number of a field with a length; 0 for others. */
  private static int lengthField(int tag) {
    return WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED
        ? WireFormat.getTagFieldNumber(tag)
        : 0;
  }
}
