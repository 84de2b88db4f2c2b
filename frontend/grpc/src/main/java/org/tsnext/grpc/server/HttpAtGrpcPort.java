package org.tsnext.grpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.PendingWriteQueue;
import io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Answers a request of HTTP/1 at a port of gRPC, whose client has the wrong port and could not read
 * what HTTP/2 says. Looks at the first bytes of a connection, then goes; until then it holds back
 * what the server says by itself, its settings. On the connection's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a failed write or close ends in channelInactive
final class HttpAtGrpcPort extends ChannelDuplexHandler {

  /** How long the client may still send, so that it can read the response. */
  private static final long LINGER_MILLIS = 500;

  private static final List<String> METHODS =
      List.of("GET /", "POST /", "PUT /", "HEAD /", "DELETE /", "OPTIONS ", "PATCH /");

  private static final String BODY =
      """
      {
        "code": 400,
        "type": "BadRequestException",
        "message": "This port speaks gRPC, over HTTP/2 only. HTTP is served at inference_address, http://127.0.0.1:8080 by default, and at management_address, http://127.0.0.1:8081."
      }
      """;

  private static final byte[] RESPONSE =
      ("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
              + "content-length: "
              + BODY.length()
              + "\r\n\r\n"
              + BODY)
          .getBytes(StandardCharsets.US_ASCII);

  private PendingWriteQueue held;
  private boolean ending;

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    held = new PendingWriteQueue(context);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (ending) {
      ReferenceCountUtil.release(message);
    } else if (message instanceof ByteBuf bytes && isHttp1(bytes)) {
      ending = true;
      bytes.release();
      drop();
      context.writeAndFlush(Unpooled.wrappedBuffer(RESPONSE));
      context.executor().schedule(() -> context.close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
    } else {
      context.pipeline().remove(this);
      context.fireChannelRead(message);
    }
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    if (ending) {
      ReferenceCountUtil.release(message);
      promise.trySuccess();
    } else {
      held.add(message, promise);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    held.removeAndFailAll(new ClosedChannelException());
    context.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    if (!held.isEmpty()) {
      held.removeAndWriteAll();
      context.flush();
    }
  }

  /** Not as failures: the codec would close the connection before the response is read. */
  private void drop() {
    for (ChannelPromise promise = held.remove(); promise != null; promise = held.remove()) {
      promise.trySuccess();
    }
  }

  private static boolean isHttp1(ByteBuf bytes) {
    return METHODS.stream().anyMatch(method -> startsWith(bytes, method));
  }

  private static boolean startsWith(ByteBuf bytes, String text) {
    if (bytes.readableBytes() < text.length()) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (bytes.getByte(bytes.readerIndex() + i) != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
