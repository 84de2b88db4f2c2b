package org.tsnext.grpc.inference;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.grpc.call.CallFacts;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.CallTimeout;
import org.tsnext.grpc.call.HandlerStatus;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.call.Outbound;
import org.tsnext.grpc.call.RunningCall;

/**
 * One call of {@code StreamPredictions2}: any number of requests, each of which has its answers or
 * its error as messages, and the stream goes on. It ends after the last answer once the client has
 * said its last, or the server goes down. A client that reads slowly is not read from, and so is
 * one of whose requests too many wait.
 *
 * <p>The lock is held for what is counted, never while the core is called.
 */
final class SequenceStream extends ServerCall.Listener<Prediction> {

  /** Requests of one stream that may be under way. */
  static final int MAX_UNDER_WAY = 64;

  /** Models of one stream whose sequences are asked how long they may be idle. */
  private static final int MAX_ASKED_MODELS = 16;

  private static final Duration MIN_QUIET = Duration.ofMillis(1);

  private static final String MADE_PREFIX = "ts-seq-";

  /** A model that a message of the stream was for. */
  private record Asked(String name, Optional<String> version) {
    static Asked by(Prediction message) {
      String version = message.modelVersion();
      return new Asked(
          message.modelName(), version.isEmpty() ? Optional.empty() : Optional.of(version));
    }
  }

  private final ServerCall<Prediction, OutgoingPrediction> call;
  private final SequenceStreams shared;
  private final CallFacts facts;
  private final String callId;
  private final Outbound<OutgoingPrediction> outbound;
  private final Runnable onDrain = this::drain;

  // Guarded by this.
  private final Set<Request> underWay = new HashSet<>();
  private final Set<Asked> askedModels = new HashSet<>();
  private long bytes;
  private int number;
  private boolean asked;
  private boolean lastRead;
  private boolean draining;

  SequenceStream(
      ServerCall<Prediction, OutgoingPrediction> call, Metadata headers, SequenceStreams shared) {
    this.call = call;
    this.shared = shared;
    this.facts = shared.reader().facts(headers);
    this.callId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
    this.outbound =
        new Outbound<>(call, shared.streamBufferLimit(), InboundCall.current().answers());
  }

  /** Sends the headers and asks for the first message. */
  void begin() {
    outbound.begin(CallMetadata.withRequestId(new Metadata(), callId));
    askForMore();
    shared.drain().add(onDrain);
    InboundCall.current().quietFor(this::quietLimit);
  }

  /** As long as the sequences of the stream may be idle; without a limit while it is used. */
  private Optional<Duration> quietLimit() {
    if (!call.isReady()) {
      // The client still has answers to read; one that stops reading is found by its connection.
      return Optional.empty();
    }
    Set<Asked> models;
    synchronized (this) {
      if (!underWay.isEmpty()) {
        return Optional.empty();
      }
      models = Set.copyOf(askedModels);
    }
    return Optional.of(
        models.stream().map(this::sequenceIdle).reduce(MIN_QUIET, SequenceStream::longer));
  }

  private Duration sequenceIdle(Asked model) {
    try {
      return shared
          .models()
          .describe(model.name(), model.version())
          .settings()
          .config()
          .sequences()
          .maxIdle();
    } catch (ServingException e) {
      // The model has gone, and its sequences with it.
      return Duration.ZERO;
    }
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  @Override
  public void onMessage(Prediction message) {
    Request request = new Request(message);
    synchronized (this) {
      asked = false;
      request.id = callId + "." + ++number;
      underWay.add(request);
      bytes += message.bytes();
      if (askedModels.size() < MAX_ASKED_MODELS) {
        askedModels.add(Asked.by(message));
      }
    }
    request.submit(message);
    askForMore();
  }

  @Override
  public void onHalfClose() {
    synchronized (this) {
      lastRead = true;
    }
    endIfDone();
  }

  @Override
  public void onReady() {
    outbound.onReady();
    askForMore();
  }

  @Override
  public void onCancel() {
    outbound.clientGone();
    cancelAll();
    onComplete();
  }

  @Override
  public void onComplete() {
    shared.drain().remove(onDrain);
  }

  private void drain() {
    synchronized (this) {
      draining = true;
    }
    endIfDone();
  }

  private void askForMore() {
    // Before the lock: what waits in there has a lock of its own, under which gRPC may call back.
    boolean congested = outbound.isCongested();
    synchronized (this) {
      if (asked
          || lastRead
          || draining
          || congested
          || underWay.size() >= MAX_UNDER_WAY
          || bytes > shared.streamBufferLimit()) {
        return;
      }
      asked = true;
    }
    call.request(1);
  }

  private void endIfDone() {
    Status status;
    synchronized (this) {
      if (!underWay.isEmpty() || !(lastRead || draining)) {
        return;
      }
      status =
          lastRead ? Status.OK : Status.UNAVAILABLE.withDescription("The server is shutting down.");
    }
    outbound.end(status, new Metadata());
  }

  private void cancelAll() {
    List<Request> rest;
    synchronized (this) {
      rest = new ArrayList<>(underWay);
    }
    rest.forEach(Request::cancel);
  }

  /** One message and its answers. */
  private final class Request implements ResponseSink {
    private final RunningCall running = new RunningCall();
    private final String sequence;
    private final int size;
    private int held;
    private String id;

    Request(Prediction message) {
      this.size = message.bytes();
      String named = message.sequenceId().orElse("");
      this.sequence =
          named.isEmpty() && shared.reader().starts(message)
              ? MADE_PREFIX + RequestIds.of(null)
              : named;
    }

    void submit(Prediction message) {
      try {
        if (message.fault().isEmpty() && sequence.isEmpty()) {
          message.release();
          throw Parameters.missing("sequenceId");
        }
        held = shared.memory().take(message.bytes(), message);
        running.isNow(
            shared
                .inference()
                .submit(
                    shared
                        .reader()
                        .requestOf(sequence, message, id, facts, CallTimeout.of(Context.current())),
                    this));
      } catch (ServingException e) {
        fail(e);
      }
    }

    void cancel() {
      running.cancel();
      ended();
    }

    @Override
    public void complete(ResponseHead head, ByteBuf body) {
      Optional<ServingException> failure = HandlerStatus.failure(head, body);
      if (failure.isPresent()) {
        body.release();
        fail(failure.get());
      } else {
        end(body);
      }
    }

    @Override
    public void chunk(ResponseHead head, ByteBuf body) {
      send(response(body, Optional.empty()));
    }

    @Override
    public void end(ByteBuf body) {
      send(response(body, Optional.empty()));
      ended();
    }

    @Override
    public void end() {
      ended();
    }

    @Override
    public void fail(ServingException error) {
      send(response(Unpooled.EMPTY_BUFFER, Optional.of(shared.errors().rpcStatus(error))));
      ended();
    }

    private OutgoingPrediction response(ByteBuf body, Optional<com.google.rpc.Status> status) {
      return new OutgoingPrediction(
          body, sequence.isEmpty() ? Optional.empty() : Optional.of(sequence), status);
    }

    private void send(OutgoingPrediction response) {
      if (!outbound.send(response)) {
        cancelAll();
      }
    }

    private void ended() {
      synchronized (SequenceStream.this) {
        if (!underWay.remove(this)) {
          return;
        }
        bytes -= size;
      }
      shared.memory().give(held);
      askForMore();
      endIfDone();
    }
  }
}
