package org.tsnext.grpc.inference;

import com.google.rpc.Status;
import io.netty.buffer.ByteBuf;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.grpc.call.Outbound;

/**
 * A {@code PredictionResponse}.
 *
 * @param prediction released with the answer
 * @param sequenceId field 2, where it is set
 * @param status field 3, where it is set
 */
record OutgoingPrediction(ByteBuf prediction, Optional<String> sequenceId, Optional<Status> status)
    implements Outbound.Message {

  OutgoingPrediction {
    Objects.requireNonNull(prediction, "prediction");
    Objects.requireNonNull(sequenceId, "sequenceId");
    Objects.requireNonNull(status, "status");
  }

  /** What a handler returned. Takes the buffer over. */
  OutgoingPrediction(ByteBuf prediction) {
    this(prediction, Optional.empty(), Optional.empty());
  }

  @Override
  public int size() {
    return prediction.readableBytes();
  }

  @Override
  public void release() {
    prediction.release();
  }
}
