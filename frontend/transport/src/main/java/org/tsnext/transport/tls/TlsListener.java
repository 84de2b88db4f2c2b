package org.tsnext.transport.tls;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** The server's side of TLS on a listener. */
public final class TlsListener {

  private static final long HANDSHAKE_SECONDS = 10;

  private final SslContext context;
  private final Executor handshakes;

  /**
   * Prepares a listener.
   *
   * @param protocols offered by ALPN, the preferred one first
   * @param handshakes runs the slow part of handshakes
   */
  public TlsListener(TlsKeys keys, List<String> protocols, Executor handshakes) throws IOException {
    this.context = keys.serverContext(protocols);
    this.handshakes = handshakes;
  }

  /** For a new connection, which is closed if its handshake takes longer than 10 seconds. */
  public SslHandler newHandler(Channel channel) {
    SslHandler handler = context.newHandler(channel.alloc(), handshakes);
    handler.setHandshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS);
    return handler;
  }
}
