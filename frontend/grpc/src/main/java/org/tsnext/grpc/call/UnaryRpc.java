package org.tsnext.grpc.call;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;

/** Takes the one message of a unary call and hands it to the rpc's handler. */
final class UnaryRpc<Q, A> implements ServerCallHandler<Q, A> {

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
    private final UnaryExchange<A> exchange;

    Handled(ServerCall<Q, A> call, UnaryExchange<A> exchange) {
      super(call);
      this.exchange = exchange;
    }

    @Override
    protected void onRequest(Q request) {
      try {
        handler.handle(exchange, request);
      } catch (Throwable e) {
        exchange.failWith(e);
      }
    }

    @Override
    protected void onClientGone() {
      exchange.clientGone();
    }
  }
}
