package org.tsnext.http.connection;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Waits for the handshake, and for what client and server agreed to speak. */
@SuppressWarnings("FutureReturnValueIgnored") // no caller waits for the close
final class ProtocolNegotiation extends ApplicationProtocolNegotiationHandler {

  private static final Logger LOG = LoggerFactory.getLogger(ProtocolNegotiation.class);

  private final BiConsumer<ChannelHandlerContext, String> onAgreed;

  /**
   * @param onAgreed adds the handlers of the protocol; HTTP/1.1 if the client named none
   */
  ProtocolNegotiation(BiConsumer<ChannelHandlerContext, String> onAgreed) {
    super(ApplicationProtocolNames.HTTP_1_1);
    this.onAgreed = onAgreed;
  }

  @Override
  protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
    onAgreed.accept(ctx, protocol);
  }

  /** Any client can send nonsense: that is worth no line in the log. */
  @Override
  protected void handshakeFailure(ChannelHandlerContext ctx, Throwable cause) {
    LOG.debug("TLS with {} failed: {}", RemoteAddress.of(ctx.channel()), cause.toString());
    var unused = ctx.close();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    handshakeFailure(ctx, cause);
  }
}
