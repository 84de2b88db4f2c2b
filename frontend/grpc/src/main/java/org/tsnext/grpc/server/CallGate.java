package org.tsnext.grpc.server;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.OriginCheck;
import org.tsnext.core.access.OriginCheck.Page;
import org.tsnext.core.access.TokenCheck;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.settings.GrpcAccess;

/**
 * Lets calls pass that no web page of another origin makes, and that carry the token which their
 * rpc asks for. Any event loop.
 */
final class CallGate {

  private static final Set<Access> CHANGING =
      EnumSet.of(Access.INFERENCE, Access.MANAGEMENT, Access.TOKENS);

  private final OriginCheck origins;
  private final Optional<GrpcAccess.Tokens> tokens;
  private final Optional<TokenCheck> check;
  private final CallErrors errors;

  /**
   * Makes the gate of a listener.
   *
   * @param tokens empty if clients need none
   */
  CallGate(OriginCheck origins, Optional<GrpcAccess.Tokens> tokens, CallErrors errors) {
    this.origins = origins;
    this.tokens = tokens;
    this.check = tokens.map(given -> new TokenCheck(given.tokens(), given.failuresAs400(), "call"));
    this.errors = errors;
  }

  /** The same service, closed to those who may not call it. */
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
    ServerCallHandler<Q, A> next = method.getServerCallHandler();
    return method.withServerCallHandler(
        (call, headers) -> {
          try {
            require(call, headers, access);
          } catch (ServingException e) {
            refuse(call, headers, e);
            return new ServerCall.Listener<>() {};
          }
          return next.startCall(call, headers);
        });
  }

  private void require(ServerCall<?, ?> call, Metadata headers, Access access) {
    List<String> pages = CallMetadata.values(headers, CallMetadata.ORIGIN);
    List<String> sites = CallMetadata.values(headers, CallMetadata.SITE);
    if (!pages.isEmpty() || !sites.isEmpty()) {
      String host = Objects.requireNonNullElse(call.getAuthority(), "");
      origins.require(new Page(pages, sites, false, host), CHANGING.contains(access));
    }
    if (check.isPresent() && !tokens.orElseThrow().open().contains(access)) {
      check
          .get()
          .require(
              access.tokens(),
              CallMetadata.values(headers, CallMetadata.AUTHORIZATION),
              TokenCheck.REFUSAL);
      InboundCall.current().passedWithToken();
    }
  }

  private void refuse(ServerCall<?, ?> call, Metadata headers, ServingException error) {
    String requestId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
    Metadata trailers = CallMetadata.withRequestId(new Metadata(), requestId);
    errors.addDetails(error, trailers);
    call.close(errors.status(error), trailers);
  }
}
