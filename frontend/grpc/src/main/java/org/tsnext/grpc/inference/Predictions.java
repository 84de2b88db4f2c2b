package org.tsnext.grpc.inference;

import io.netty.buffer.ByteBuf;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.grpc.call.HandlerMetadata;
import org.tsnext.grpc.call.RunningCall;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.call.UnaryHandler;
import org.tsnext.grpc.call.UnarySink;

/** One request, one answer. */
final class Predictions implements UnaryHandler<Prediction, OutgoingPrediction> {

  private final InferenceService inference;
  private final RequestReader reader;
  private final int maxResponseSize;

  /**
   * @param maxResponseSize bytes that the parts of a streamed answer may have together
   */
  Predictions(InferenceService inference, RequestReader reader, int maxResponseSize) {
    this.inference = inference;
    this.reader = reader;
    this.maxResponseSize = maxResponseSize;
  }

  @Override
  public void handle(UnaryExchange<OutgoingPrediction> exchange, Prediction message) {
    InferenceRequest request =
        reader.request(
            message, exchange.requestId(), reader.facts(exchange.headers()), exchange.timeout());
    RunningCall running = new RunningCall();
    PredictionSink sink = new PredictionSink(exchange, running, maxResponseSize);
    exchange.onClientGone(sink::clientGone);
    running.isNow(inference.submit(request, sink));
  }

  private static final class PredictionSink extends UnarySink<OutgoingPrediction> {
    PredictionSink(UnaryExchange<OutgoingPrediction> exchange, RunningCall running, int limit) {
      super(exchange, running, limit);
    }

    @Override
    protected void respond(ResponseHead head, ByteBuf body) {
      try {
        exchange().send(new OutgoingPrediction(body), HandlerMetadata.trailers(head));
      } finally {
        body.release();
      }
    }
  }
}
