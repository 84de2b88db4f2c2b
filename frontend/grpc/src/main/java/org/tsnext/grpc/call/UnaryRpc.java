package org.tsnext.grpc.call;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
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
    return new Handled(call, new UnaryExchange<>(call, headers, errors));
  }

  private final class Handled extends OneRequest<Q> {
    private final ServerCall<Q, A> call;
    private final UnaryExchange<A> exchange;

    Handled(ServerCall<Q, A> call, UnaryExchange<A> exchange) {
      super(call);
      this.call = call;
      this.exchange = exchange;
    }

    @Override
    protected void onRequest(Q request) {
      try {
        handler.handle(exchange, request);
      } catch (ServingException e) {
        exchange.fail(e);
      } catch (RuntimeException e) {
        String rpc = call.getMethodDescriptor().getFullMethodName();
        LOG.error("Call {} {} failed", exchange.requestId(), rpc, e);
        exchange.fail(new ServingException(ErrorKind.INTERNAL, "Internal server error.", e));
      }
    }

    @Override
    protected void onClientGone() {
      exchange.clientGone();
    }
  }
}
