package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.ssl.SslHandler;
import java.util.List;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.HeadEncoder.Head;

/** Writes the answer of one HTTP/2 stream. */
@SuppressWarnings("FutureReturnValueIgnored") // a failed write ends in channelInactive
final class Http2Writer implements ResponseWriter {

  private final ServerContext server;
  private final ChannelHandlerContext context;
  private boolean requestComplete;

  /**
   * @param context of a handler of the stream, not of the connection
   */
  Http2Writer(ServerContext server, ChannelHandlerContext context) {
    this.server = server;
    this.context = context;
  }

  /** All of the request has come. */
  void requestComplete() {
    requestComplete = true;
  }

  boolean isRequestComplete() {
    return requestComplete;
  }

  /** Tells a client that waits for it to send its body. */
  void writeContinue() {
    DefaultHttp2Headers headers = new DefaultHttp2Headers(false);
    headers.status(HttpResponseStatus.CONTINUE.codeAsText());
    context.writeAndFlush(new DefaultHttp2HeadersFrame(headers, false));
  }

  @Override
  public ServerContext server() {
    return server;
  }

  @Override
  public EventLoop loop() {
    return context.channel().eventLoop();
  }

  @Override
  public boolean isSecure() {
    return context.channel().parent().pipeline().get(SslHandler.class) != null;
  }

  @Override
  public String remote() {
    return RemoteAddress.of(context.channel().parent());
  }

  @Override
  public void writeResponse(Exchange exchange, Head head, ByteBuf body) {
    int length = body.readableBytes();
    writeHead(exchange, head, length == 0);
    if (length > 0) {
      server.bodies().memory().count(length);
      context
          .write(new DefaultHttp2DataFrame(body, true))
          .addListener(written -> server.bodies().memory().give(length));
    } else {
      body.release();
    }
    context.flush();
  }

  @Override
  public void writeHead(Exchange exchange, Head head, boolean last) {
    context.write(
        new DefaultHttp2HeadersFrame(
            server.rendering().heads().http2(head, exchange.requestId()), last));
  }

  @Override
  public ChannelFuture writeChunk(ByteBuf chunk) {
    return context.writeAndFlush(new DefaultHttp2DataFrame(chunk, false));
  }

  @Override
  public void writeEnd(List<Header> trailers) {
    if (!trailers.isEmpty()) {
      DefaultHttp2Headers headers = new DefaultHttp2Headers();
      trailers.forEach(trailer -> headers.add(trailer.name(), trailer.value()));
      context.writeAndFlush(new DefaultHttp2HeadersFrame(headers, true));
      return;
    }
    context.writeAndFlush(new DefaultHttp2DataFrame(Unpooled.EMPTY_BUFFER, true));
  }

  @Override
  public void flush() {
    context.flush();
  }

  @Override
  public void cut() {
    reset(Http2Error.INTERNAL_ERROR);
  }

  @Override
  public void ended(Exchange exchange) {
    // What still comes of the request is skipped by its reader.
  }

  /** Tells a client that what it still sends is not read; its response was sent. */
  void refuseRest() {
    reset(Http2Error.NO_ERROR);
  }

  private void reset(Http2Error reason) {
    context.writeAndFlush(new DefaultHttp2ResetFrame(reason));
  }
}
