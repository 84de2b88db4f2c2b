package org.tsnext.http.connection;

import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.group.ChannelGroup;

/**
 * The handlers of a connection, in the order in which a request meets them. Answers are written by
 * {@link Exchange}.
 */
public final class HttpPipeline extends ChannelInitializer<Channel> {

  private final ServerContext server;
  private final RequestRouter router;
  private final ChannelGroup connections;

  /**
   * Makes the pipeline of a listener.
   *
   * @param connections takes every connection of the listener
   */
  public HttpPipeline(ServerContext server, RequestRouter router, ChannelGroup connections) {
    this.server = server;
    this.router = router;
    this.connections = connections;
  }

  @Override
  protected void initChannel(Channel channel) {
    connections.add(channel);
    ConnectionHandler connection = new ConnectionHandler(server);
    ChannelPipeline pipeline = channel.pipeline();
    pipeline.addLast("decoder", new RequestDecoder());
    pipeline.addLast("connection", connection);
    pipeline.addLast("assembler", new RequestAssembler(connection, server, router));
  }
}
