package org.tsnext.archive.remote;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;

/**
 * One GET over HTTP/1.1 on a connection of its own, to addresses that have been checked: what was
 * checked is what is connected to, while Host, SNI and certificate stand for the name. Blocks its
 * caller; bodies are written by the downloads' own event loop, which serves no client.
 */
final class HttpGet {

  private static final int MAX_INITIAL_LINE = 8192;
  private static final int MAX_HEADERS = 64 << 10;
  private static final int MAX_CHUNK = 64 << 10;

  private final Network network;
  private final EventLoopGroup loops;
  private final SslContext tls;
  private final DownloadLimits limits;
  private final LongSupplier nanoTime;

  /**
   * @param tls for clients; its handlers verify host names
   * @param nanoTime a monotonic clock
   */
  HttpGet(
      Network network,
      EventLoopGroup loops,
      SslContext tls,
      DownloadLimits limits,
      LongSupplier nanoTime) {
    this.network = network;
    this.loops = loops;
    this.tls = tls;
    this.limits = limits;
    this.nanoTime = nanoTime;
  }

  /** What came of it. */
  sealed interface Outcome {
    /** The body is in the file. */
    record Saved() implements Outcome {}

    /** The server says to look elsewhere. */
    record Redirected(String location) implements Outcome {}
  }

  /**
   * Asks the first of {@code addresses} that can be connected to.
   *
   * @param headers besides those of HTTP itself
   * @param deadlineNanos on the clock
   * @throws DownloadException with the cause in words
   */
  Outcome run(
      ModelUrl url,
      List<InetAddress> addresses,
      Map<String, String> headers,
      StagedFile file,
      long deadlineNanos)
      throws DownloadException {
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    Channel channel = connect(url, addresses, new ResponseHandler(file, outcome), deadlineNanos);
    try {
      channel
          .writeAndFlush(request(url, headers))
          .addListener(
              (ChannelFuture sent) -> {
                if (!sent.isSuccess()) {
                  outcome.completeExceptionally(sent.cause());
                }
              });
      return outcome.get(left(deadlineNanos), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw tooLong();
    } catch (ExecutionException e) {
      throw DownloadException.of(e.getCause());
    } catch (InterruptedException e) {
      throw interrupted();
    } finally {
      // The file is not written to after this.
      outcome.cancel(false);
      channel.close().awaitUninterruptibly();
    }
  }

  private Channel connect(
      ModelUrl url, List<InetAddress> addresses, ResponseHandler handler, long deadlineNanos)
      throws DownloadException {
    Throwable cause = null;
    for (InetAddress address : addresses) {
      long left = left(deadlineNanos);
      if (left <= 0) {
        throw tooLong();
      }
      long millis = Math.min(limits.connectTimeout().toMillis(), Math.max(1, left / 1_000_000));
      Bootstrap bootstrap =
          new Bootstrap()
              .group(loops)
              .channel(NioSocketChannel.class)
              .option(
                  ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.min(millis, Integer.MAX_VALUE))
              .handler(new Pipeline(url, handler));
      ChannelFuture connecting =
          network.connect(bootstrap, new InetSocketAddress(address, url.effectivePort()));
      try {
        connecting.await();
      } catch (InterruptedException e) {
        connecting.cancel(true);
        throw interrupted();
      }
      if (connecting.isSuccess()) {
        return connecting.channel();
      }
      cause = connecting.cause();
    }
    // Netty's words hold the address, which is not for callers.
    throw new DownloadException(
        "cannot connect to " + url.authority() + ": " + cause.getClass().getSimpleName(), cause);
  }

  private static FullHttpRequest request(ModelUrl url, Map<String, String> headers) {
    FullHttpRequest request =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, url.path() + url.query());
    request
        .headers()
        .set(HttpHeaderNames.HOST, url.authority())
        .set(HttpHeaderNames.USER_AGENT, "torchserve-next")
        .set(HttpHeaderNames.ACCEPT, "*/*")
        .set(HttpHeaderNames.ACCEPT_ENCODING, HttpHeaderValues.IDENTITY)
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    headers.forEach(request.headers()::set);
    return request;
  }

  private long left(long deadlineNanos) {
    return deadlineNanos - nanoTime.getAsLong();
  }

  private DownloadException tooLong() {
    return new DownloadException(
        "it took longer than the "
            + limits.totalTimeout().toSeconds()
            + " s that model_download_timeout allows");
  }

  private static DownloadException interrupted() {
    Thread.currentThread().interrupt();
    return new DownloadException("the server is shutting down");
  }

  /** TLS where the URL says so, HTTP, a limit of silence, the answer. */
  private final class Pipeline extends ChannelInitializer<Channel> {
    private final ModelUrl url;
    private final ResponseHandler handler;

    Pipeline(ModelUrl url, ResponseHandler handler) {
      this.url = url;
      this.handler = handler;
    }

    @Override
    protected void initChannel(Channel channel) {
      if (url.scheme().equals("https")) {
        SslHandler handlerOfTls =
            tls.newHandler(channel.alloc(), HostName.unbracketed(url.host()), url.effectivePort());
        handlerOfTls.setHandshakeTimeoutMillis(limits.connectTimeout().toMillis());
        channel.pipeline().addLast("tls", handlerOfTls);
      }
      channel
          .pipeline()
          .addLast("http", new HttpClientCodec(MAX_INITIAL_LINE, MAX_HEADERS, MAX_CHUNK))
          .addLast(
              "read timeout",
              new ReadTimeoutHandler(limits.readTimeout().toMillis(), TimeUnit.MILLISECONDS))
          .addLast("answer", handler);
    }
  }
}
