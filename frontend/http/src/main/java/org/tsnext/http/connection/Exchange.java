package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.HeadEncoder.Framing;
import org.tsnext.http.response.HeadEncoder.Head;
import org.tsnext.http.response.Response;

/**
 * One request and its one answer. All methods are for the connection's event loop, {@link #loop()}.
 * An answer that comes after the exchange has ended, say because the client left, is dropped.
 */
public final class Exchange {

  /** A body up to this size is put into the buffer of the head: one write instead of two. */
  private static final int INLINE_BODY = 4096;

  private static final int HEAD_CAPACITY = 512;
  private static final byte[] LINE_END = {'\r', '\n'};
  private static final byte[] LAST_CHUNK = {'0', '\r', '\n', '\r', '\n'};

  private enum State {
    WAITING,
    STREAMING,
    ENDED
  }

  private final ConnectionHandler connection;
  private final HttpRequest request;
  private final String requestId;
  private final long startNanos;
  private ByteBuf body;
  private boolean keepAlive;
  private State state = State.WAITING;
  private int status;
  private boolean chunked;
  private long streamOctetsWaiting;
  private Runnable onClientGone = () -> {};

  /**
   * @param body taken over
   */
  Exchange(ConnectionHandler connection, HttpRequest request, ByteBuf body, long startNanos) {
    this.connection = connection;
    this.request = request;
    this.body = body;
    this.startNanos = startNanos;
    this.requestId = RequestIds.of(request.headers().get("x-request-id"));
    this.keepAlive = HttpUtil.isKeepAlive(request);
  }

  public HttpMethod method() {
    return request.method();
  }

  public String rawTarget() {
    return request.uri();
  }

  public HttpHeaders headers() {
    return request.headers();
  }

  public String requestId() {
    return requestId;
  }

  /** The content type header, or null. */
  public String contentType() {
    return request.headers().get(HttpHeaderNames.CONTENT_TYPE);
  }

  /** The body; from now on the caller's to release. Empty the second time. */
  public ByteBuf takeBody() {
    ByteBuf taken = body;
    body = Unpooled.EMPTY_BUFFER;
    return taken;
  }

  /** The event loop that everything about this exchange runs on. */
  public EventLoop loop() {
    return connection.loop();
  }

  /** Sets what is done, once, if the client leaves or its stream is cut. */
  public void onClientGone(Runnable action) {
    if (state != State.ENDED) {
      onClientGone = action;
    }
  }

  /** Does what {@link #onClientGone} was given, because the answer is not wanted any more. */
  public void cancelCall() {
    Runnable action = onClientGone;
    onClientGone = () -> {};
    action.run();
  }

  /** Answers as a whole and ends the exchange. */
  public void send(Response response) {
    if (state != State.WAITING) {
      response.body().release();
      return;
    }
    takeBody().release();
    boolean bodiless = isBodiless(response.status());
    ByteBuf content = response.body();
    int length = content.readableBytes();
    Head head =
        new Head(
            response.status(),
            response.reason(),
            bodiless ? Optional.empty() : response.contentType(),
            response.headers(),
            bodiless ? Framing.NO_BODY : Framing.CONTENT_LENGTH,
            length);
    boolean withBody = !bodiless && length > 0 && !isHead();
    boolean inline = withBody && length <= INLINE_BODY;
    ByteBuf out = encode(head, inline ? length : 0);
    if (inline) {
      out.writeBytes(content);
    }
    connection.write(out);
    if (withBody && !inline) {
      connection.write(content);
    } else {
      content.release();
    }
    status = response.status();
    connection.flush();
    end();
  }

  /** Answers with an error; cuts the stream if one has begun. */
  public void fail(ServingException error) {
    fail(error, List.of());
  }

  /** Answers with an error, whose {@code Allow} header lists {@code allowed} if it is a 405. */
  public void fail(ServingException error, List<String> allowed) {
    if (state == State.STREAMING) {
      cut();
    } else {
      send(connection.server().errors().render(error, allowed, request.uri()));
    }
  }

  /**
   * Begins a stream. Chunked in HTTP/1.1; in HTTP/1.0 it ends with the connection.
   *
   * @return false if there is no use for chunks: the exchange has ended, the client wants the head
   *     only, or the status is one without a body
   */
  public boolean beginStream(
      int streamStatus, String reason, String contentType, List<Header> headers) {
    if (state != State.WAITING) {
      return false;
    }
    takeBody().release();
    boolean bodiless = isBodiless(streamStatus);
    chunked = request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    keepAlive &= chunked || bodiless;
    Framing framing = bodiless ? Framing.NO_BODY : chunked ? Framing.CHUNKED : Framing.UNTIL_CLOSE;
    Optional<String> type = bodiless ? Optional.empty() : Optional.of(contentType);
    connection.write(encode(new Head(streamStatus, reason, type, headers, framing, 0), 0));
    status = streamStatus;
    state = State.STREAMING;
    if (isHead() || bodiless) {
      connection.flush();
      cancelCall();
      end();
      return false;
    }
    return true;
  }

  /**
   * Sends a chunk at once; takes {@code chunk} over. A stream of which too much waits for a slow
   * client is cut, and only that one.
   */
  public void writeChunk(ByteBuf chunk) {
    int size = chunk.readableBytes();
    if (state != State.STREAMING || size == 0) {
      chunk.release();
      if (state == State.STREAMING) {
        connection.flush();
      }
      return;
    }
    if (streamOctetsWaiting > connection.server().streamBufferLimit()) {
      chunk.release();
      cancelCall();
      cut();
      return;
    }
    streamOctetsWaiting += size;
    if (chunked) {
      connection.write(chunkStart(size));
    }
    connection.context().write(chunk).addListener(written -> streamOctetsWaiting -= size);
    if (chunked) {
      connection.write(Unpooled.wrappedBuffer(LINE_END));
    }
    connection.flush();
  }

  private ByteBuf chunkStart(int size) {
    ByteBuf start = connection.context().alloc().buffer(10);
    ByteBufUtil.writeAscii(start, Integer.toHexString(size));
    return start.writeBytes(LINE_END);
  }

  /** Ends the stream properly. */
  public void endStream() {
    if (state == State.STREAMING) {
      if (chunked) {
        connection.write(Unpooled.wrappedBuffer(LAST_CHUNK));
      }
      connection.flush();
      end();
    }
  }

  /** The connection is not used for another request. */
  public void closeAfterwards() {
    keepAlive = false;
  }

  String protocol() {
    return request.protocolVersion().text();
  }

  /** The connection is gone. */
  void clientGone() {
    if (state != State.ENDED) {
      status = AccessLog.CLIENT_GONE;
      cancelCall();
      finish();
    }
  }

  /** Breaks a stream off so that the client cannot take it for a complete one. */
  private void cut() {
    if (!chunked) {
      // Without chunks only a reset tells an error from the end.
      connection.channel().config().setOption(ChannelOption.SO_LINGER, 0);
    }
    finish();
    connection.abort();
  }

  private void end() {
    finish();
    connection.ended(this, keepAlive);
  }

  private void finish() {
    state = State.ENDED;
    onClientGone = () -> {};
    takeBody().release();
    ServerContext server = connection.server();
    long nanos = server.clock().nanoTime() - startNanos;
    server.accessLog().log(connection.remote(), this, status, TimeUnit.NANOSECONDS.toMillis(nanos));
  }

  private ByteBuf encode(Head head, int bodyLength) {
    boolean stays = keepAlive && !connection.server().draining().getAsBoolean();
    keepAlive = stays;
    ByteBuf out = connection.context().alloc().buffer(HEAD_CAPACITY + bodyLength);
    connection.server().heads().encode(out, head, requestId, stays);
    return out;
  }

  private boolean isHead() {
    return request.method().equals(HttpMethod.HEAD);
  }

  private static boolean isBodiless(int status) {
    return status == 204 || status == 304;
  }
}
