package org.tsnext.grpc.inference;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.HeldMemory;
import org.tsnext.grpc.server.Drain;

/**
 * Begins the calls of {@code StreamPredictions2}, and has what they share.
 *
 * @param models know how long a sequence may be idle
 * @param streamBufferLimit bytes of answers that may wait for a slow client, and of requests that
 *     may be under way
 */
record SequenceStreams(
    InferenceService inference,
    ModelService models,
    RequestReader reader,
    HeldMemory memory,
    CallErrors errors,
    Drain drain,
    int streamBufferLimit)
    implements ServerCallHandler<Prediction, OutgoingPrediction> {

  @Override
  public ServerCall.Listener<Prediction> startCall(
      ServerCall<Prediction, OutgoingPrediction> call, Metadata headers) {
    SequenceStream stream = new SequenceStream(call, headers, this);
    stream.begin();
    return stream;
  }
}
