package org.tsnext.grpc.openinference;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferRequest.InferRequestedOutputTensor;

/**
 * What of a request its answer depends on, for when its tensors are not needed any more.
 *
 * @param raw whether the client sent raw contents, and so expects them
 * @param wanted names of the outputs to send, in this order; empty for all of them
 * @param modelName and the values after it are those that the handler need not say
 */
record ResponseForm(
    boolean raw, Set<String> wanted, String modelName, String modelVersion, String id) {

  /**
   * @param requestId for a request without an id of its own
   */
  static ResponseForm of(ModelInferRequest request, String requestId) {
    return new ResponseForm(
        InferRequests.isRaw(request),
        request.getOutputsList().stream()
            .map(InferRequestedOutputTensor::getName)
            .collect(Collectors.toCollection(LinkedHashSet::new)),
        request.getModelName(),
        request.getModelVersion(),
        request.getId().isEmpty() ? requestId : request.getId());
  }
}
