package org.tsnext.grpc.call;

import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds one service of its rpcs, one line each. The rpcs are described here rather than generated:
 * one service can then be offered under two names, and each rpc has the marshallers it needs.
 */
public final class ServiceTable {

  private record Rpc<Q, A>(MethodDescriptor<Q, A> method, ServerCallHandler<Q, A> handler) {
    void addTo(ServerServiceDefinition.Builder builder) {
      builder.addMethod(method, handler);
    }
  }

  private final String name;
  private final FileDescriptor file;
  private final CallErrors errors;
  private final List<Rpc<?, ?>> rpcs = new ArrayList<>();

  /**
   * Begins a service without rpcs.
   *
   * @param name package and service
   * @param file where reflection finds its messages
   */
  public ServiceTable(String name, FileDescriptor file, CallErrors errors) {
    this.name = name;
    this.file = file;
    this.errors = errors;
  }

  /**
   * Adds a unary rpc.
   *
   * @param request and {@code response}: instances of the messages
   */
  public <Q extends Message, A extends Message> ServiceTable unary(
      String rpc, Q request, A response, UnaryHandler<Q, A> handler) {
    return unary(rpc, request, response, MessageGuard.NONE, handler);
  }

  /**
   * Adds a unary rpc whose requests are looked at before they are read.
   *
   * @param request and {@code response}: instances of the messages
   */
  public <Q extends Message, A extends Message> ServiceTable unary(
      String rpc, Q request, A response, MessageGuard guard, UnaryHandler<Q, A> handler) {
    return unary(
        rpc,
        new MessageMarshaller<>(request, guard),
        ProtoUtils.marshaller(response),
        (exchange, read) -> handler.handle(exchange, read.required()));
  }

  /** Adds a unary rpc whose messages are read and written in a way of its own. */
  public <Q, A> ServiceTable unary(
      String rpc,
      MethodDescriptor.Marshaller<Q> request,
      MethodDescriptor.Marshaller<A> response,
      UnaryHandler<Q, A> handler) {
    return rpc(MethodType.UNARY, rpc, request, response, new UnaryRpc<>(handler, errors));
  }

  /** Adds an rpc of any type. */
  public <Q, A> ServiceTable rpc(
      MethodType type,
      String rpc,
      MethodDescriptor.Marshaller<Q> request,
      MethodDescriptor.Marshaller<A> response,
      ServerCallHandler<Q, A> handler) {
    MethodDescriptor<Q, A> method =
        MethodDescriptor.newBuilder(request, response)
            .setType(type)
            .setFullMethodName(MethodDescriptor.generateFullMethodName(name, rpc))
            .build();
    rpcs.add(new Rpc<>(method, handler));
    return this;
  }

  /** The service. */
  public ServerServiceDefinition build() {
    ProtoFileDescriptorSupplier schema = () -> file;
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(name).setSchemaDescriptor(schema);
    rpcs.forEach(rpc -> descriptor.addMethod(rpc.method()));
    ServerServiceDefinition.Builder builder = ServerServiceDefinition.builder(descriptor.build());
    rpcs.forEach(rpc -> rpc.addTo(builder));
    return builder.build();
  }
}
