package org.tsnext.grpc.openinference;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.messages.openinference.InferTensorContents;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferRequest.InferInputTensor;
import org.tsnext.grpc.messages.openinference.ModelInferRequest.InferRequestedOutputTensor;

/**
 * Counts the tensors, parameters and elements of a {@code ModelInferRequest} before it is read: an
 * empty tensor has two bytes, and is an object of a hundred; an element of one byte becomes eight.
 */
final class InferGuard {

  /** In all places of one message together. */
  private static final int MAX_PARTS = 4096;

  /** Bytes of an element in a list of the message, with the room for which such lists grow. */
  private static final int PER_LONG = 12;

  private static final int PER_INT = 6;
  private static final int PER_BOOLEAN = 2;
  private static final int PER_BYTES = 40;

  private int found;
  private long elementBytes;

  private InferGuard() {}

  /**
   * @throws ServingException BAD_REQUEST if there are too many; BODY_MEMORY_FULL if there is no
   *     room for what they become
   * @throws IOException if it is no message
   */
  static void check(ByteString bytes) throws IOException {
    CodedInputStream input = bytes.newCodedInput();
    input.enableAliasing(true);
    InferGuard guard = new InferGuard();
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      switch (lengthField(tag)) {
        case ModelInferRequest.INPUTS_FIELD_NUMBER -> guard.input(input);
        case ModelInferRequest.OUTPUTS_FIELD_NUMBER -> guard.output(input);
        case ModelInferRequest.PARAMETERS_FIELD_NUMBER,
            ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER -> {
          guard.count();
          input.skipField(tag);
        }
        default -> input.skipField(tag);
      }
    }
    InboundCall.current().hold(bytes.size() + guard.elementBytes);
  }

  private void input(CodedInputStream input) throws IOException {
    count();
    int outer = input.pushLimit(input.readRawVarint32());
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case InferInputTensor.SHAPE_FIELD_NUMBER -> elements(input, tag, PER_LONG);
        case InferInputTensor.CONTENTS_FIELD_NUMBER -> contents(input, tag);
        case InferInputTensor.PARAMETERS_FIELD_NUMBER -> {
          count();
          input.skipField(tag);
        }
        default -> input.skipField(tag);
      }
    }
    input.popLimit(outer);
  }

  private void contents(CodedInputStream input, int tag) throws IOException {
    if (lengthField(tag) == 0) {
      input.skipField(tag);
      return;
    }
    int outer = input.pushLimit(input.readRawVarint32());
    for (int inner = input.readTag(); inner != 0; inner = input.readTag()) {
      switch (WireFormat.getTagFieldNumber(inner)) {
        case InferTensorContents.BOOL_CONTENTS_FIELD_NUMBER -> elements(input, inner, PER_BOOLEAN);
        case InferTensorContents.INT_CONTENTS_FIELD_NUMBER,
            InferTensorContents.UINT_CONTENTS_FIELD_NUMBER ->
            elements(input, inner, PER_INT);
        case InferTensorContents.INT64_CONTENTS_FIELD_NUMBER,
            InferTensorContents.UINT64_CONTENTS_FIELD_NUMBER ->
            elements(input, inner, PER_LONG);
        default -> {
          int before = input.getTotalBytesRead();
          input.skipField(inner);
          // Floating point numbers become as many bytes as they have.
          elementBytes +=
              lengthField(inner) == InferTensorContents.BYTES_CONTENTS_FIELD_NUMBER
                  ? PER_BYTES
                  : input.getTotalBytesRead() - before;
        }
      }
    }
    input.popLimit(outer);
  }

  /** Counts numbers, which are one by one or, as most clients send them, many in one field. */
  private void elements(CodedInputStream input, int tag, int each) throws IOException {
    if (lengthField(tag) == 0) {
      elementBytes += each;
      input.skipField(tag);
      return;
    }
    ByteString packed = input.readBytes();
    for (int i = 0; i < packed.size(); i++) {
      // The last byte of a number has no highest bit.
      elementBytes += packed.byteAt(i) >= 0 ? each : 0;
    }
  }

  private void output(CodedInputStream input) throws IOException {
    count();
    int outer = input.pushLimit(input.readRawVarint32());
    for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
      if (lengthField(tag) == InferRequestedOutputTensor.PARAMETERS_FIELD_NUMBER) {
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
