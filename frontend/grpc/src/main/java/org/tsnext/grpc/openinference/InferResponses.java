package org.tsnext.grpc.openinference;

import com.google.protobuf.UnsafeByteOperations;
import io.netty.buffer.ByteBuf;
import java.util.List;
import org.tsnext.api.tensor.OutputTensor;
import org.tsnext.api.tensor.TensorResponse;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.messages.openinference.ModelInferResponse.InferOutputTensor;

/** The JSON that handlers answer to responses, in the form that the request had. */
final class InferResponses {

  private InferResponses() {}

  /**
   * The response.
   *
   * @param body what the handler answered; not released
   * @throws org.tsnext.core.error.ServingException INTERNAL if it is no answer of this protocol;
   *     BAD_REQUEST if it has no output that the client asked for
   */
  static ModelInferResponse toResponse(ResponseForm form, ByteBuf body) {
    TensorResponse answer = TensorResponse.read(body);
    ModelInferResponse.Builder response =
        ModelInferResponse.newBuilder()
            .setId(said(answer.id(), form.id()))
            .setModelName(said(answer.modelName(), form.modelName()))
            .setModelVersion(said(answer.modelVersion(), form.modelVersion()))
            .putAllParameters(InferParameters.ofJson(answer.parameters()));
    List<OutputTensor> sent = answer.wanted(form.wanted());
    // All outputs have one form, and some datatypes only one.
    boolean sendRaw = form.raw() || sent.stream().anyMatch(output -> output.type().onlyRaw());
    for (OutputTensor output : sent) {
      InferOutputTensor.Builder head = head(output);
      if (sendRaw) {
        response.addRawOutputContents(UnsafeByteOperations.unsafeWrap(output.raw()));
      } else {
        head.setContents(TypedContents.ofRaw(output.type(), output.raw()));
      }
      response.addOutputs(head);
    }
    return response.build();
  }

  private static InferOutputTensor.Builder head(OutputTensor output) {
    return InferOutputTensor.newBuilder()
        .setName(output.name())
        .setDatatype(output.type().name())
        .addAllShape(output.shape())
        .putAllParameters(InferParameters.ofJson(output.parameters()));
  }

  /** What the handler does not say is what the request said. */
  private static String said(String byHandler, String byRequest) {
    return byHandler.isEmpty() ? byRequest : byHandler;
  }
}
