package org.tsnext.grpc.inference;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.RequestIds;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.CallTimeout;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.call.OneRequest;
import org.tsnext.grpc.call.Outbound;
import org.tsnext.grpc.call.RunningCall;

/** One request; each part of its answer is a message. */
final class StreamPredictions implements ServerCallHandler<Prediction, OutgoingPrediction> {

  private final InferenceService inference;
  private final RequestReader reader;
  private final CallErrors errors;
  private final int streamBufferLimit;

  /**
   * @param streamBufferLimit bytes that may wait for a slow client
   */
  StreamPredictions(
      InferenceService inference, RequestReader reader, CallErrors errors, int streamBufferLimit) {
    this.inference = inference;
    this.reader = reader;
    this.errors = errors;
    this.streamBufferLimit = streamBufferLimit;
  }

  @Override
  public ServerCall.Listener<Prediction> startCall(
      ServerCall<Prediction, OutgoingPrediction> call, Metadata headers) {
    return new Stream(call, headers);
  }

  private final class Stream extends OneRequest<Prediction> {
    private final Metadata headers;
    private final Outbound<OutgoingPrediction> outbound;
    private final RunningCall running = new RunningCall();

    Stream(ServerCall<Prediction, OutgoingPrediction> call, Metadata headers) {
      super(call);
      this.headers = headers;
      this.outbound = new Outbound<>(call, streamBufferLimit, InboundCall.current().answers());
    }

    @Override
    protected void onRequest(Prediction message) {
      String requestId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
      StreamSink sink = new StreamSink(outbound, running, errors, requestId);
      try {
        running.isNow(
            inference.submit(
                reader.request(
                    message, requestId, reader.facts(headers), CallTimeout.of(Context.current())),
                sink));
      } catch (ServingException e) {
        sink.fail(e);
      }
    }

    @Override
    public void onReady() {
      outbound.onReady();
    }

    @Override
    protected void onClientGone() {
      outbound.clientGone();
      running.cancel();
    }
  }
}
