package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import java.util.List;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.HeadEncoder.Head;

/**
 * Where the answers of exchanges go: a connection of HTTP/1, which has one exchange at a time, or a
 * stream of HTTP/2. Knows the bytes of its version; the exchange knows what may be said when. All
 * methods are for the connection's event loop.
 */
interface ResponseWriter {

  ServerContext server();

  EventLoop loop();

  /** Whether the connection is one of TLS. */
  boolean isSecure();

  /** The client, as the access log shows it. */
  String remote();

  /**
   * Writes a whole answer and flushes it.
   *
   * @param body taken over; empty if none is to be sent
   */
  void writeResponse(Exchange exchange, Head head, ByteBuf body);

  /**
   * Writes the head of a stream, without flushing it.
   *
   * @param last whether nothing follows
   */
  void writeHead(Exchange exchange, Head head, boolean last);

  /**
   * Writes a piece of a stream and flushes it.
   *
   * @param chunk taken over; not empty
   * @return done when the piece has left this process
   */
  ChannelFuture writeChunk(ByteBuf chunk);

  /**
   * Ends a stream properly and flushes.
   *
   * @param trailers headers after the body, for a client that takes them
   */
  void writeEnd(List<Header> trailers);

  void flush();

  /** Breaks a stream off so that the client cannot take it for a complete one. */
  void cut();

  /** The exchange has been answered in full. */
  void ended(Exchange exchange);
}
