package org.tsnext.grpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2LocalFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.util.List;
import org.tsnext.grpc.call.InboundCall;

/**
 * Tells the calls of a connection what comes for them before gRPC has seen it. On the connection's
 * event loop.
 */
final class CallFrames extends Http2FrameListenerDecorator {

  private final CallWatch watch;
  private final Http2Connection connection;
  private final IntObjectMap<InboundCall> calls = new IntObjectHashMap<>();

  /** Those of the calls whose clients may send ahead. */
  private final IntObjectMap<Http2Stream> many = new IntObjectHashMap<>();

  private CallFrames(Http2ConnectionHandler codec, CallWatch watch) {
    super(codec.decoder().frameListener());
    this.connection = codec.connection();
    this.watch = watch;
  }

  /** Listens to the frames that a codec reads, before gRPC does. */
  static CallFrames listenTo(Http2ConnectionHandler codec, CallWatch watch) {
    CallFrames frames = new CallFrames(codec, watch);
    codec.decoder().frameListener(frames);
    frames.connection.addListener(
        new Http2ConnectionAdapter() {
          @Override
          public void onStreamRemoved(Http2Stream stream) {
            frames.calls.remove(stream.id());
            frames.many.remove(stream.id());
          }
        });
    return frames;
  }

  @Override
  public void onHeadersRead(
      ChannelHandlerContext ctx,
      int stream,
      Http2Headers headers,
      int dependency,
      short weight,
      boolean exclusive,
      int padding,
      boolean last)
      throws Http2Exception {
    super.onHeadersRead(ctx, stream, headers, dependency, weight, exclusive, padding, last);
    watch.takeBegun().ifPresent(call -> begin(stream, call));
  }

  private void begin(int stream, InboundCall call) {
    calls.put(stream, call);
    Http2Stream open = connection.stream(stream);
    if (call.isOfManyMessages() && open != null) {
      many.put(stream, open);
    }
  }

  /** Bytes that have come and that no call has asked for yet. */
  long unread() {
    if (many.isEmpty()) {
      return 0;
    }
    Http2LocalFlowController flow = connection.local().flowController();
    long bytes = 0;
    for (Http2Stream stream : many.values()) {
      bytes += flow.unconsumedBytes(stream);
    }
    return bytes;
  }

  /** The streams that they came on. */
  List<Integer> ahead() {
    Http2LocalFlowController flow = connection.local().flowController();
    return many.values().stream()
        .filter(stream -> flow.unconsumedBytes(stream) > 0)
        .map(Http2Stream::id)
        .toList();
  }

  @Override
  public int onDataRead(
      ChannelHandlerContext ctx, int stream, ByteBuf data, int padding, boolean last)
      throws Http2Exception {
    InboundCall call = calls.get(stream);
    if (call != null) {
      call.comes(data);
    }
    return super.onDataRead(ctx, stream, data, padding, last);
  }
}
