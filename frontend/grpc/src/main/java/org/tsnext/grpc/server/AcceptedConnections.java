package org.tsnext.grpc.server;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.Optional;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.tls.TlsListener;

/**
 * First to see each connection of a listener: closes those that are too many, and puts TLS before
 * whatever else handles the others. On the listening channel's loop.
 */
final class AcceptedConnections extends ChannelInboundHandlerAdapter {

  private final ConnectionCount count;
  private final Optional<TlsListener> tls;

  AcceptedConnections(ConnectionCount count, Optional<TlsListener> tls) {
    this.count = count;
    this.tls = tls;
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
    context.fireChannelRead(connection);
  }
}
