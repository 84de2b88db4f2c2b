package org.tsnext.http;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A client of HTTP/2, with prior knowledge or over TLS. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is seen by its missing answer
final class Http2Client implements AutoCloseable {

  private static final int SECONDS = 10;

  /** A request and what has come back for it: text of data, heads, resets by name, and the end. */
  static final class Call {
    static final String END = "<end>";

    final BlockingQueue<Object> received = new LinkedBlockingQueue<>();
    private final Http2StreamChannel stream;

    private Call(Http2StreamChannel stream) {
      this.stream = stream;
    }

    Object next() throws InterruptedException {
      Object next = received.poll(SECONDS, TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("nothing more within " + SECONDS + " s");
      }
      return next;
    }

    Http2Headers head() throws InterruptedException {
      return (Http2Headers) next();
    }

    int status() throws InterruptedException {
      return Integer.parseInt(head().status().toString());
    }

    /** All data until the end. */
    String body() throws InterruptedException {
      StringBuilder body = new StringBuilder();
      for (Object next = next(); next != END; next = next()) {
        body.append(next);
      }
      return body.toString();
    }

    Call data(String text, boolean last) {
      var unused =
          stream.writeAndFlush(
              new DefaultHttp2DataFrame(
                  Unpooled.copiedBuffer(text, StandardCharsets.ISO_8859_1), last));
      return this;
    }

    void reset() {
      stream.writeAndFlush(new DefaultHttp2ResetFrame(Http2Error.CANCEL)).awaitUninterruptibly();
    }
  }

  final BlockingQueue<Object> ofConnection = new LinkedBlockingQueue<>();
  private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final Channel channel;

  Http2Client(int port, boolean tls) throws Exception {
    SslContext context = tls ? clientContext() : null;
    channel =
        new Bootstrap()
            .group(loop)
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel made) {
                    if (context != null) {
                      made.pipeline().addLast(context.newHandler(made.alloc()));
                    }
                    made.pipeline()
                        .addLast(
                            Http2FrameCodecBuilder.forClient()
                                .initialSettings(Http2Settings.defaultSettings())
                                .validateHeaders(false)
                                .encoderIgnoreMaxHeaderListSize(true)
                                .build(),
                            new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()),
                            new ConnectionFrames());
                  }
                })
            .connect(InetAddress.getLoopbackAddress(), port)
            .sync()
            .channel();
  }

  private static SslContext clientContext() throws Exception {
    return SslContextBuilder.forClient()
        .trustManager(InsecureTrustManagerFactory.INSTANCE)
        .endpointIdentificationAlgorithm("")
        .applicationProtocolConfig(
            new ApplicationProtocolConfig(
                Protocol.ALPN,
                SelectorFailureBehavior.NO_ADVERTISE,
                SelectedListenerFailureBehavior.ACCEPT,
                "h2"))
        .build();
  }

  static Http2Headers headers(String method, String path, String... more) {
    Http2Headers headers = new DefaultHttp2Headers(false);
    headers.method(method).path(path).scheme("http").authority("t");
    for (int i = 0; i < more.length; i += 2) {
      headers.add(more[i], more[i + 1]);
    }
    return headers;
  }

  /** Sends a head. */
  Call begin(Http2Headers headers, boolean last) throws Exception {
    BlockingQueue<Call> made = new LinkedBlockingQueue<>();
    Http2StreamChannel stream =
        new Http2StreamChannelBootstrap(channel)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel of) {
                    Call call = new Call((Http2StreamChannel) of);
                    of.pipeline().addLast(new StreamFrames(call));
                    made.add(call);
                  }
                })
            .open()
            .sync()
            .getNow();
    var unused = stream.writeAndFlush(new DefaultHttp2HeadersFrame(headers, last));
    return made.take();
  }

  Call get(String path, String... headers) throws Exception {
    return begin(headers("GET", path, headers), true);
  }

  Call post(String path, String body, String... headers) throws Exception {
    return begin(headers("POST", path, headers), false).data(body, true);
  }

  Channel channel() {
    return channel;
  }

  /** Closes the connection without a good-bye. */
  void breakOff() {
    ChannelHandlerContext first = channel.pipeline().firstContext();
    if (first != null) {
      var unused = first.close();
    }
  }

  @Override
  public void close() {
    breakOff();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  private final class ConnectionFrames extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (message instanceof Http2GoAwayFrame away) {
        ofConnection.add("GOAWAY " + Http2Error.valueOf(away.errorCode()));
      }
      ReferenceCountUtil.release(message);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      ofConnection.add("closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ofConnection.add(cause);
    }
  }

  private static final class StreamFrames extends ChannelInboundHandlerAdapter {
    private final Call call;

    StreamFrames(Call call) {
      this.call = call;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      boolean last = false;
      if (message instanceof Http2HeadersFrame headers) {
        call.received.add(headers.headers());
        last = headers.isEndStream();
      } else if (message instanceof Http2DataFrame data) {
        if (data.content().isReadable()) {
          call.received.add(data.content().toString(StandardCharsets.UTF_8));
        }
        last = data.isEndStream();
      }
      if (last) {
        call.received.add(Call.END);
      }
      ReferenceCountUtil.release(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof Http2ResetFrame reset) {
        call.received.add(Http2Error.valueOf(reset.errorCode()));
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      call.received.add(cause);
    }
  }
}
