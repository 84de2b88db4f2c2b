package org.tsnext.grpc.inference;

import io.grpc.Metadata;
import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHeadLimit;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.HandlerMetadata;
import org.tsnext.grpc.call.HandlerStatus;
import org.tsnext.grpc.call.Outbound;
import org.tsnext.grpc.call.RunningCall;

/** Answers with a message for each part; a plain answer is a stream of one. */
final class StreamSink implements ResponseSink {

  private final Outbound<OutgoingPrediction> outbound;
  private final RunningCall running;
  private final CallErrors errors;
  private final String requestId;

  /** Of the first part; null before it. */
  private ResponseHead head;

  StreamSink(
      Outbound<OutgoingPrediction> outbound,
      RunningCall running,
      CallErrors errors,
      String requestId) {
    this.outbound = outbound;
    this.running = running;
    this.errors = errors;
    this.requestId = requestId;
  }

  @Override
  public void complete(ResponseHead responseHead, ByteBuf body) {
    Optional<ServingException> failure = HandlerStatus.failure(responseHead, body);
    if (failure.isPresent()) {
      body.release();
      fail(failure.get(), HandlerMetadata.trailers(responseHead));
      return;
    }
    chunk(responseHead, body);
    end();
  }

  @Override
  public void chunk(ResponseHead chunkHead, ByteBuf body) {
    if (head == null) {
      Optional<ServingException> tooLarge = ResponseHeadLimit.GRPC.failure(chunkHead);
      if (tooLarge.isPresent()) {
        body.release();
        running.cancel();
        fail(tooLarge.get());
        return;
      }
      head = chunkHead;
      outbound.begin(CallMetadata.withRequestId(new Metadata(), requestId));
    }
    if (!outbound.send(new OutgoingPrediction(body))) {
      running.cancel();
    }
  }

  @Override
  public void end(ByteBuf body) {
    chunk(ResponseHead.EMPTY, body);
    end();
  }

  @Override
  public void end() {
    outbound.end(Status.OK, HandlerMetadata.trailers(head));
  }

  @Override
  public void fail(ServingException error) {
    fail(error, new Metadata());
  }

  private void fail(ServingException error, Metadata trailers) {
    errors.addDetails(error, trailers);
    outbound.end(errors.status(error), CallMetadata.withRequestId(trailers, requestId));
  }
}
