package org.tsnext.benchmarks;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.worker.WorkerProcess;

/** What the benchmarks share: requests, a client, and a worker that responds at once. */
final class Steps {

  /** Takes everything, and must see no error. */
  static final ResponseSink CLIENT =
      new ResponseSink() {
        @Override
        public void complete(ResponseHead head, ByteBuf body) {
          body.release();
        }

        @Override
        public void chunk(ResponseHead head, ByteBuf body) {
          body.release();
        }

        @Override
        public void end(ByteBuf body) {
          body.release();
        }

        @Override
        public void fail(ServingException error) {
          throw error;
        }
      };

  private static final List<Header> HEADERS =
      List.of(
          new Header("host", "127.0.0.1:8080"),
          new Header("content-type", "application/json"),
          new Header("user-agent", "benchmark"));

  private static final ByteBuf BODY =
      Unpooled.unreleasableBuffer(
          Unpooled.directBuffer().writeBytes("{\"data\": 1}".getBytes(StandardCharsets.UTF_8)));

  private Steps() {}

  static InferenceRequest request(String model, Optional<String> version) {
    return new InferenceRequest(
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        new InferenceRequest.Target(model, version),
        RequestKind.PREDICT,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        HEADERS,
        List.of(new InputPart("body", "application/json", BODY)),
        Optional.empty());
  }

  /** A worker that hands each batch to {@code worker}, and runs {@code end} when it is to end. */
  record FakeProcess(IntConsumer worker, Runnable end) implements WorkerProcess {
    @Override
    public void send(
        int batchId, List<InferenceRequest> items, int[] timeLeftMillis, FollowedBatch followed) {
      worker.accept(batchId);
    }

    @Override
    public void cancel(int batchId, int item) {}

    @Override
    public void ping(int token) {}

    @Override
    public void stop(Duration grace) {
      end.run();
    }

    @Override
    public void kill() {
      end.run();
    }
  }
}
