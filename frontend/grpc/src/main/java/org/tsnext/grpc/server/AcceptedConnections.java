package org.tsnext.grpc.server;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.Optional;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.http2.ConnectionGuard;
import org.tsnext.transport.http2.ConnectionRules;
import org.tsnext.transport.tls.TlsListener;

/**
 * First to see each connection of a listener: closes those that are too many, and puts TLS and what
 * guards a connection before whatever else handles the others. On the listening channel's loop.
 */
final class AcceptedConnections extends ChannelInboundHandlerAdapter {

  private final ConnectionCount count;
  private final Optional<TlsListener> tls;
  private final ConnectionRules rules;
  private final CallLimits calls;
  private final BodyMemory memory;

  AcceptedConnections(
      ConnectionCount count,
      Optional<TlsListener> tls,
      ConnectionRules rules,
      CallLimits calls,
      BodyMemory memory) {
    this.count = count;
    this.tls = tls;
    this.rules = rules;
    this.calls = calls;
    this.memory = memory;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object accepted) {
    Channel connection = (Channel) accepted;
    if (!count.takes(connection)) {
      connection.unsafe().closeForcibly();
      return;
    }
    tls.ifPresent(
        listener -> connection.pipeline().addLast("tls", listener.newHandler(connection)));
    connection.pipeline().addLast("http", new HttpAtGrpcPort());
    CallWatch watch = calls.open(connection);
    connection.pipeline().addLast("guard", new ConnectionGuard(rules, watch::look));
    connection.pipeline().addLast("unread", new UnreadBytes(memory, watch));
    context.fireChannelRead(connection);
  }
}
