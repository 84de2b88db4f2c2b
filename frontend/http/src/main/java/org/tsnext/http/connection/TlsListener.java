package org.tsnext.http.connection;

import io.netty.channel.Channel;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.tsnext.transport.tls.TlsKeys;

/** The server's side of TLS on an https listener. */
public final class TlsListener {

  private static final long HANDSHAKE_SECONDS = 10;

  private final SslContext context;
  private final Executor handshakes;

  /**
   * Prepares a listener.
   *
   * @param handshakes runs the slow part of handshakes
   */
  public TlsListener(TlsKeys keys, Executor handshakes) throws IOException {
    this.context =
        keys.serverContext(
            List.of(ApplicationProtocolNames.HTTP_2, ApplicationProtocolNames.HTTP_1_1));
    this.handshakes = handshakes;
  }

  /** For a new connection, which is closed if its handshake takes longer than 10 seconds. */
  SslHandler newHandler(Channel channel) {
    SslHandler handler = context.newHandler(channel.alloc(), handshakes);
    handler.setHandshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS);
    return handler;
  }
}
