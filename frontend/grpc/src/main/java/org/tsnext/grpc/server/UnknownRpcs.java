package org.tsnext.grpc.server;

import io.grpc.HandlerRegistry;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import java.io.InputStream;
import org.tsnext.core.access.Access;

/** Answers rpcs that do not exist: UNIMPLEMENTED, to those who have a token if one is asked for. */
final class UnknownRpcs extends HandlerRegistry {

  private static final int MAX_SHOWN = 200;

  private final CallGate gate;

  UnknownRpcs(CallGate gate) {
    this.gate = gate;
  }

  @Override
  public ServerMethodDefinition<?, ?> lookupMethod(String methodName, String authority) {
    MethodDescriptor<InputStream, InputStream> method =
        MethodDescriptor.newBuilder(Untouched.INSTANCE, Untouched.INSTANCE)
            .setType(MethodType.UNKNOWN)
            .setFullMethodName(methodName)
            .build();
    ServerMethodDefinition<InputStream, InputStream> unknown =
        ServerMethodDefinition.create(
            method,
            (call, headers) -> {
              call.close(Status.UNIMPLEMENTED.withDescription(text(methodName)), new Metadata());
              return new ServerCall.Listener<>() {};
            });
    return gate.guarded(unknown, Access.NOWHERE);
  }

  private static String text(String methodName) {
    String shown =
        methodName.length() > MAX_SHOWN ? methodName.substring(0, MAX_SHOWN) + "..." : methodName;
    return "Method not found: "
        + shown
        + ". docs/grpc.md lists the services; management has a port of its own.";
  }

  /** Nothing is read or written. */
  private enum Untouched implements MethodDescriptor.Marshaller<InputStream> {
    INSTANCE;

    @Override
    public InputStream stream(InputStream value) {
      return value;
    }

    @Override
    public InputStream parse(InputStream stream) {
      return stream;
    }
  }
}
