package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestIds;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.http.request.RequestTarget;
import org.tsnext.http.response.CorsOrigins;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.HeadEncoder.Framing;
import org.tsnext.http.response.HeadEncoder.Head;
import org.tsnext.http.response.Response;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.BodyRoom;

/**
 * One request and its one answer. All methods are for the connection's event loop, {@link #loop()}.
 * An answer that comes after the exchange has ended, say because the client left, is dropped.
 */
public final class Exchange {

  private enum State {
    WAITING,
    STREAMING,
    ENDED
  }

  private final ResponseWriter writer;
  private final HttpRequest request;
  private final String requestId;
  private final long startNanos;
  private ByteBuf body;
  private boolean keepAlive;
  private State state = State.WAITING;
  private int status;
  private long streamBytesWaiting;

  /** Of a stream that has begun; null before. */
  private StreamEnd streamEnd;

  /** What follows the request; null if nothing does. */
  private FollowedExchange followed;

  private BodyRoom room;
  private Runnable onClientGone = () -> {};

  /**
   * @param body taken over
   */
  Exchange(ResponseWriter writer, HttpRequest request, ByteBuf body, long startNanos) {
    this.writer = writer;
    this.request = request;
    this.body = body;
    this.startNanos = startNanos;
    this.requestId = RequestIds.of(request.headers().get("x-request-id"));
    this.keepAlive = HttpUtil.isKeepAlive(request);
  }

  /** Room of the body that is given back when the exchange ends. */
  void holds(BodyRoom ofBody) {
    room = ofBody;
  }

  /**
   * Takes more room, until the exchange has ended, if what is made of its body needs more than
   * that. One that has ended takes none.
   *
   * @param bytes that are needed in all
   * @throws ServingException BODY_MEMORY_FULL
   */
  public void hold(long bytes) {
    if (room != null && state != State.ENDED && !room.grow(bytes)) {
      throw RequestChecks.noRoom(room.isLarge(bytes));
    }
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

  /** When the head of the request came. */
  public long startNanos() {
    return startNanos;
  }

  /** Whether it came over TLS. */
  public boolean isSecure() {
    return writer.isSecure();
  }

  /** Such as {@code 1.1}. */
  public String protocolVersion() {
    HttpVersion version = request.protocolVersion();
    return version.majorVersion() == 2
        ? "2"
        : version.majorVersion() + "." + version.minorVersion();
  }

  /**
   * Has the request followed from now on.
   *
   * @param times whether the client is told its times
   */
  public void follow(RequestTimeline timeline, boolean times) {
    followed = new FollowedExchange(timeline, times, writer.server().clock());
  }

  /** What notes the moments of the request, if it is followed. */
  public Optional<RequestTimeline> timeline() {
    return followed == null ? Optional.empty() : Optional.of(followed.timeline());
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
    return writer.loop();
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
            withTimes(withCors(response.headers())),
            bodiless ? Framing.NO_BODY : Framing.CONTENT_LENGTH,
            length);
    responding(response.status());
    if (length > 0 && (bodiless || isHead())) {
      content.release();
      content = Unpooled.EMPTY_BUFFER;
    }
    writer.writeResponse(this, head, content);
    end();
  }

  /** Answers with an error; if a stream has begun, that ends with it, see {@link StreamEnd}. */
  public void fail(ServingException error) {
    fail(error, List.of());
  }

  /** Answers with an error, whose {@code Allow} header lists {@code allowed} if it is a 405. */
  public void fail(ServingException error, List<String> allowed) {
    if (state == State.STREAMING) {
      failStream(error);
    } else {
      send(writer.server().rendering().errors().render(error, allowed, path()));
    }
  }

  /** Tells the error where the client reads it; otherwise the stream must not look complete. */
  private void failStream(ServingException error) {
    ErrorRenderer errors = writer.server().rendering().errors();
    Optional<String> part = streamEnd.lastPart(errors, error, path());
    if (part.isPresent()) {
      writeChunk(Unpooled.copiedBuffer(part.get(), StandardCharsets.UTF_8));
      endStream();
      return;
    }
    List<Header> trailers = streamEnd.trailers(errors, error, path());
    if (trailers.isEmpty()) {
      cut();
    } else {
      writer.writeEnd(withTimes(trailers));
      end();
    }
  }

  /**
   * Begins a stream. Chunked in HTTP/1.1, frames in HTTP/2; in HTTP/1.0 it ends with the
   * connection.
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
    boolean chunked = !request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    keepAlive &= chunked || bodiless;
    Framing framing = bodiless ? Framing.NO_BODY : chunked ? Framing.CHUNKED : Framing.UNTIL_CLOSE;
    Optional<String> type = bodiless ? Optional.empty() : Optional.of(contentType);
    boolean headOnly = bodiless || isHead();
    streamEnd =
        new StreamEnd(
            contentType,
            chunked && StreamEnd.takesTrailers(request.headers()),
            followed != null && followed.tellsTimes());
    List<Header> all = withTimes(streamEnd.announced(withCors(headers)));
    responding(streamStatus);
    writer.writeHead(this, new Head(streamStatus, reason, type, all, framing, 0), headOnly);
    state = State.STREAMING;
    if (headOnly) {
      writer.flush();
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
    writeChunk(chunk, writer.server().bodies().streamBufferLimit());
  }

  /** As {@link #writeChunk(ByteBuf)}, with a limit of its own to the bytes that wait. */
  public void writeChunk(ByteBuf chunk, int mostWaiting) {
    int size = chunk.readableBytes();
    if (state != State.STREAMING || size == 0) {
      chunk.release();
      if (state == State.STREAMING) {
        writer.flush();
      }
      return;
    }
    if (streamBytesWaiting > mostWaiting) {
      chunk.release();
      cancelCall();
      cut();
      return;
    }
    streamEnd.wrote(chunk);
    BodyMemory memory = writer.server().bodies().memory();
    ChannelFuture writing = writer.writeChunk(chunk);
    streamBytesWaiting += size;
    memory.count(size);
    writing.addListener(
        written -> {
          streamBytesWaiting -= size;
          memory.give(size);
        });
  }

  /** Ends the stream properly. */
  public void endStream() {
    if (state == State.STREAMING) {
      writer.writeEnd(streamEnd.tellsTimes() ? withTimes(List.of()) : List.of());
      end();
    }
  }

  /** The connection is not used for another request. */
  public void closeAfterwards() {
    keepAlive = false;
  }

  boolean isKeptAlive() {
    return keepAlive;
  }

  String protocol() {
    return request.protocolVersion().text();
  }

  /** The connection is gone. */
  void clientGone() {
    if (state != State.ENDED) {
      status = HttpAccessLog.CLIENT_GONE;
      cancelCall();
      finish();
    }
  }

  /** Counts the answer before the client has it: who has it may ask for the count at once. */
  private void responding(int responseStatus) {
    status = responseStatus;
    writer.server().metrics().responded(responseStatus);
  }

  private void cut() {
    finish();
    writer.cut();
  }

  private void end() {
    finish();
    writer.ended(this);
  }

  private void finish() {
    state = State.ENDED;
    onClientGone = () -> {};
    takeBody().release();
    ServerContext server = writer.server();
    if (room != null) {
      room.release();
    }
    long nanos = server.clock().nanoTime() - startNanos;
    server.accessLog().log(writer.remote(), this, status, TimeUnit.NANOSECONDS.toMillis(nanos));
    if (followed != null) {
      followed.end(status);
    }
  }

  /** Appends the ids of its trace, if it has one. */
  void appendTrace(StringBuilder line) {
    if (followed != null) {
      followed.appendIds(line);
    }
  }

  private List<Header> withTimes(List<Header> headers) {
    return followed == null ? headers : followed.withTimes(headers);
  }

  private List<Header> withCors(List<Header> headers) {
    CorsOrigins origins = writer.server().rendering().corsOrigins();
    return origins.dependOnRequest()
        ? origins.addedTo(headers, request.headers().get(HttpHeaderNames.ORIGIN))
        : headers;
  }

  /** Whose clients ask that, and so how an error looks; on errors alone, as it costs a parse. */
  private String path() {
    return RequestTarget.path(request.uri());
  }

  private boolean isHead() {
    return request.method().equals(HttpMethod.HEAD);
  }

  private static boolean isBodiless(int status) {
    return status == 204 || status == 304;
  }
}
