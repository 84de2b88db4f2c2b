package org.tsnext.grpc.server;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.KeyCheck;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;
import org.tsnext.grpc.GrpcAccess;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.CallMetadata;

/** Lets calls pass that carry the key which their rpc asks for. Any event loop. */
final class TokenGate {

  private final GrpcAccess.Tokens tokens;
  private final KeyCheck check;
  private final CallErrors errors;

  TokenGate(GrpcAccess.Tokens tokens, CallErrors errors) {
    this.tokens = tokens;
    this.check = new KeyCheck(tokens.keys(), tokens.failuresAs400(), "call");
    this.errors = errors;
  }

  /** The same service, closed to whoever has no key. */
  ServerServiceDefinition guarded(Offer offer) {
    ServerServiceDefinition.Builder builder =
        ServerServiceDefinition.builder(offer.service().getServiceDescriptor());
    for (ServerMethodDefinition<?, ?> method : offer.service().getMethods()) {
      builder.addMethod(
          guarded(method, offer.accessOf(method.getMethodDescriptor().getBareMethodName())));
    }
    return builder.build();
  }

  <Q, A> ServerMethodDefinition<Q, A> guarded(ServerMethodDefinition<Q, A> method, Access access) {
    if (tokens.open().contains(access)) {
      return method;
    }
    ServerCallHandler<Q, A> next = method.getServerCallHandler();
    return method.withServerCallHandler(
        (call, headers) -> {
          try {
            check.require(access.keys(), presented(headers), KeyCheck.REFUSAL);
          } catch (ServingException e) {
            refuse(call, headers, e);
            return new ServerCall.Listener<>() {};
          }
          return next.startCall(call, headers);
        });
  }

  private static List<String> presented(Metadata headers) {
    Iterable<String> values = headers.getAll(CallMetadata.AUTHORIZATION);
    List<String> presented = new ArrayList<>(1);
    if (values != null) {
      values.forEach(presented::add);
    }
    return presented;
  }

  private void refuse(ServerCall<?, ?> call, Metadata headers, ServingException error) {
    String requestId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
    Metadata trailers = CallMetadata.withRequestId(new Metadata(), requestId);
    errors.addDetails(error, trailers);
    call.close(errors.status(error), trailers);
  }
}
