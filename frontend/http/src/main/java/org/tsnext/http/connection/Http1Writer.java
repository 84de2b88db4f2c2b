package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslHandler;
import java.util.List;
import java.util.function.Supplier;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.HeadEncoder;
import org.tsnext.http.response.HeadEncoder.Framing;
import org.tsnext.http.response.HeadEncoder.Head;
import org.tsnext.transport.BodyMemory;

/** Writes the answers of one HTTP/1 connection. */
final class Http1Writer implements ResponseWriter {

  /** A body up to this size is put into the buffer of the head: one write instead of two. */
  private static final int INLINE_BODY = 4096;

  /** Of the 64 KiB that may wait for a client before the connection is not written to. */
  private static final int UNREAD_ROOM = 48 * 1024;

  private static final int HEAD_CAPACITY = 512;
  private static final byte[] LINE_END = {'\r', '\n'};
  private static final byte[] LAST_CHUNK = {'0', '\r', '\n', '\r', '\n'};

  private final ConnectionHandler connection;

  /** Whether the current stream has chunks; else it ends with the connection. */
  private boolean chunked;

  Http1Writer(ConnectionHandler connection) {
    this.connection = connection;
  }

  @Override
  public ServerContext server() {
    return connection.server();
  }

  @Override
  public EventLoop loop() {
    return connection.loop();
  }

  @Override
  public boolean isSecure() {
    return connection.channel().pipeline().get(SslHandler.class) != null;
  }

  @Override
  public String remote() {
    return connection.remote();
  }

  @Override
  public void writeResponse(Exchange exchange, Head head, ByteBuf body) {
    int length = body.readableBytes();
    boolean inline = length <= INLINE_BODY;
    ByteBuf inlined = inline ? body : Unpooled.EMPTY_BUFFER;
    ByteBuf out = orAbort(body, () -> encode(exchange, head, inlined));
    if (inline) {
      body.release();
      write(out);
    } else {
      connection.write(out);
      count(connection.context().write(body), length);
    }
    connection.flush();
  }

  /** What a client takes at once need not be counted: it is gone before another could be. */
  private void write(ByteBuf out) {
    if (connection.channel().bytesBeforeUnwritable() > UNREAD_ROOM) {
      connection.write(out);
    } else {
      int length = out.readableBytes();
      count(connection.context().write(out), length);
    }
  }

  private void count(ChannelFuture writing, int length) {
    BodyMemory memory = server().bodies().memory();
    memory.count(length);
    writing.addListener(written -> memory.give(length));
  }

  @Override
  public void writeHead(Exchange exchange, Head head, boolean last) {
    chunked = head.framing() == Framing.CHUNKED;
    connection.write(
        orAbort(Unpooled.EMPTY_BUFFER, () -> encode(exchange, head, Unpooled.EMPTY_BUFFER)));
  }

  @Override
  public ChannelFuture writeChunk(ByteBuf chunk) {
    if (chunked) {
      connection.write(orAbort(chunk, () -> chunkStart(chunk.readableBytes())));
    }
    ChannelFuture written = connection.context().write(chunk);
    if (chunked) {
      connection.write(Unpooled.wrappedBuffer(LINE_END));
    }
    connection.flush();
    return written;
  }

  @Override
  public void writeEnd(List<Header> trailers) {
    if (chunked) {
      connection.write(
          trailers.isEmpty()
              ? Unpooled.wrappedBuffer(LAST_CHUNK)
              : orAbort(Unpooled.EMPTY_BUFFER, () -> lastChunk(trailers)));
    }
    connection.flush();
  }

  @Override
  public void flush() {
    connection.flush();
  }

  @Override
  public void cut() {
    if (!chunked) {
      // Without chunks only a reset tells an error from the end.
      connection.channel().config().setOption(ChannelOption.SO_LINGER, 0);
    }
    connection.abort();
  }

  @Override
  public void ended(Exchange exchange) {
    connection.ended(exchange, exchange.isKeptAlive());
  }

  /**
   * Encodes something. Where that fails, say for want of memory, an error could not be written
   * either: the connection breaks off, and the exchange ends with it.
   *
   * @param content what cannot be sent then, and is released
   */
  private ByteBuf orAbort(ByteBuf content, Supplier<ByteBuf> encoding) {
    try {
      return encoding.get();
    } catch (Throwable failure) {
      content.release();
      connection.abort();
      throw failure;
    }
  }

  private ByteBuf encode(Exchange exchange, Head head, ByteBuf body) {
    if (connection.server().draining().getAsBoolean()) {
      exchange.closeAfterwards();
    }
    ByteBuf out = connection.context().alloc().buffer(HEAD_CAPACITY + body.readableBytes());
    HeadEncoder heads = connection.server().rendering().heads();
    try {
      heads.encode(out, head, exchange.requestId(), exchange.isKeptAlive());
      out.writeBytes(body); // may need more memory, where the head is a long one
    } catch (Throwable failure) {
      out.release();
      throw failure;
    }
    return out;
  }

  private ByteBuf lastChunk(List<Header> trailers) {
    StringBuilder end = new StringBuilder("0\r\n");
    for (Header trailer : trailers) {
      end.append(trailer.name()).append(": ").append(trailer.value()).append("\r\n");
    }
    return ByteBufUtil.writeAscii(connection.context().alloc(), end.append("\r\n"));
  }

  private ByteBuf chunkStart(int size) {
    ByteBuf start = connection.context().alloc().buffer(10);
    ByteBufUtil.writeAscii(start, Integer.toHexString(size));
    return start.writeBytes(LINE_END);
  }
}
