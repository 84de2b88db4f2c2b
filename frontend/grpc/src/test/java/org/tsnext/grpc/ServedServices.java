package org.tsnext.grpc;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Services on a real socket, called on their event loops as in the server, and a client. */
public final class ServedServices {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final Server server;
  private final ManagedChannel channel;

  public ServedServices(List<ServerServiceDefinition> services) throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server =
        NettyServerBuilder.forAddress(anyPort)
            .directExecutor()
            .addServices(services)
            .build()
            .start();
    channel =
        NettyChannelBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()))
            .usePlaintext()
            .build();
  }

  public ManagedChannel channel() {
    return channel;
  }

  /**
   * Calls a unary rpc, and waits.
   *
   * @param name service and rpc
   * @throws StatusRuntimeException if it fails
   */
  public <A extends Message> A call(String name, Message request, A answer) {
    return ClientCalls.blockingUnaryCall(
        channel,
        method(name, request, answer),
        CallOptions.DEFAULT.withDeadlineAfter(LIMIT.toSeconds(), TimeUnit.SECONDS),
        request);
  }

  /** The status that a call fails with; OK if it does not. */
  public Status failure(String name, Message request, Message answer) {
    try {
      call(name, request, answer);
      return Status.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus();
    }
  }

  /** The description of a unary rpc, for a client. */
  public static <A extends Message> MethodDescriptor<Message, A> method(
      String name, Message request, A answer) {
    return MethodDescriptor.newBuilder(
            ProtoUtils.marshaller(request), ProtoUtils.marshaller(answer))
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .build();
  }

  /** Ends the client, then the server. */
  public void stop() throws InterruptedException {
    channel.shutdownNow().awaitTermination(LIMIT.toSeconds(), TimeUnit.SECONDS);
    server.shutdownNow().awaitTermination(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }
}
