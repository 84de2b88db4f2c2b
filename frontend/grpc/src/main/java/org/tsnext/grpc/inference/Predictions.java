package org.tsnext.grpc.inference;

import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.call.UnaryHandler;

/** One request, one answer. */
final class Predictions implements UnaryHandler<Prediction, Answer> {

  private final InferenceService inference;
  private final RequestReader reader;
  private final HeldMemory memory;
  private final int maxResponseSize;

  /**
   * @param maxResponseSize octets that the parts of a streamed answer may have together
   */
  Predictions(
      InferenceService inference, RequestReader reader, HeldMemory memory, int maxResponseSize) {
    this.inference = inference;
    this.reader = reader;
    this.memory = memory;
    this.maxResponseSize = maxResponseSize;
  }

  @Override
  public void handle(UnaryExchange<Answer> exchange, Prediction message) {
    int held = memory.take(message);
    if (held > 0) {
      exchange.onEnd(() -> memory.give(held));
    }
    InferenceRequest request =
        reader.request(
            message,
            exchange.requestId(),
            RequestReader.facts(exchange.headers()),
            exchange.timeout());
    RunningCall running = new RunningCall();
    UnarySink sink = new UnarySink(exchange, running, maxResponseSize);
    exchange.onClientGone(sink::clientGone);
    running.isNow(inference.submit(request, sink));
  }
}
