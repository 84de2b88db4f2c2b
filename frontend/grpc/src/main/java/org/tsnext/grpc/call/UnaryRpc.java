package org.tsnext.grpc.call;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Takes the one message of a unary call and hands it to the rpc's handler. */
final class UnaryRpc<Q, A> implements ServerCallHandler<Q, A> {

  private static final Logger LOG = LoggerFactory.getLogger(UnaryRpc.class);

  private final UnaryHandler<Q, A> handler;
  private final CallErrors errors;

  UnaryRpc(UnaryHandler<Q, A> handler, CallErrors errors) {
    this.handler = handler;
    this.errors = errors;
  }

  @Override
  public ServerCall.Listener<Q> startCall(ServerCall<Q, A> call, Metadata headers) {
    // Two, so that a second message is noticed: it is an error.
    call.request(2);
    return new OneMessage(call, new UnaryExchange<>(call, headers, errors));
  }

  private final class OneMessage extends ServerCall.Listener<Q> {
    private final ServerCall<Q, A> call;
    private final UnaryExchange<A> exchange;
    private Q request;
    private boolean refused;

    OneMessage(ServerCall<Q, A> call, UnaryExchange<A> exchange) {
      this.call = call;
      this.exchange = exchange;
    }

    @Override
    public void onMessage(Q message) {
      if (request == null) {
        request = message;
      } else {
        refuse("Too many requests: this rpc takes one message");
      }
    }

    @Override
    public void onHalfClose() {
      if (refused) {
        return;
      }
      if (request == null) {
        refuse("No request: this rpc takes one message");
        return;
      }
      Q taken = request;
      request = null;
      try {
        handler.handle(exchange, taken);
      } catch (ServingException e) {
        exchange.fail(e);
      } catch (RuntimeException e) {
        LOG.error(
            "Call {} {} failed",
            exchange.requestId(),
            call.getMethodDescriptor().getFullMethodName(),
            e);
        exchange.fail(new ServingException(ErrorKind.INTERNAL, "Internal server error.", e));
      }
    }

    /** The same for every gRPC server: INTERNAL for a client that breaks the protocol. */
    private void refuse(String why) {
      refused = true;
      call.close(Status.INTERNAL.withDescription(why), new Metadata());
    }

    @Override
    public void onCancel() {
      exchange.clientGone();
    }
  }
}
