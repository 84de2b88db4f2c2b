package org.tsnext.grpc.call;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;

/**
 * Reads the one message of a call of which the client sends only one.
 *
 * @param <Q> the message
 */
public abstract class OneRequest<Q> extends ServerCall.Listener<Q> {

  private final ServerCall<Q, ?> call;
  private Q request;
  private boolean refused;

  /** Asks for the message. */
  protected OneRequest(ServerCall<Q, ?> call) {
    this.call = call;
    // Two, so that a second message is noticed: it is an error.
    call.request(2);
  }

  /** The message has come, and no other. Does not throw. */
  protected abstract void onRequest(Q message);

  /** The client has gone, or its deadline has passed. */
  protected abstract void onClientGone();

  @Override
  public final void onMessage(Q message) {
    if (request == null && !refused) {
      request = message;
    } else {
      drop(message);
      refuse("Too many requests: this rpc takes one message");
    }
  }

  @Override
  public final void onHalfClose() {
    if (request == null) {
      refuse("No request: this rpc takes one message");
      return;
    }
    Q taken = request;
    request = null;
    onRequest(taken);
  }

  @Override
  public final void onCancel() {
    drop(request);
    request = null;
    onClientGone();
  }

  /** As every gRPC server says to a client that breaks the protocol. */
  private void refuse(String why) {
    if (!refused) {
      refused = true;
      drop(request);
      request = null;
      call.close(Status.INTERNAL.withDescription(why), new Metadata());
    }
  }

  private static void drop(Object message) {
    if (message instanceof CallMessage held) {
      held.release();
    }
  }
}
