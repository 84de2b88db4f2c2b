package org.tsnext.http.connection;

import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import org.tsnext.transport.http2.ConnectionGuard;
import org.tsnext.transport.http2.ConnectionRules;

/** The handlers of HTTP/2 connections, and their limits. One per listener. */
final class Http2Connections {

  private static final int MAX_STREAMS = 100;

  /** Bytes of a request's head, with 32 for each header, as the protocol counts. */
  private static final int MAX_HEADER_LIST = 16 * 1024;

  /** What a client may send of a body before it hears from us, per stream. */
  private static final int STREAM_WINDOW = 1 << 20;

  /** Streams that a client may take back: a flood of them is CVE-2023-44487. */
  private static final int MAX_RESETS = 200;

  /** Streams that a client may make us reset, by errors: a flood of them is CVE-2025-8671. */
  private static final int MAX_OWN_RESETS = 200;

  private static final int RESET_WINDOW_SECONDS = 10;

  /** Pieces of a head that carry next to nothing: a flood of them is CVE-2024-27316. */
  private static final int MAX_SMALL_CONTINUATIONS = 16;

  private static final int MAX_EMPTY_DATA_FRAMES = 16;

  /** Answers to pings, settings and resets that wait for a client that does not read. */
  private static final int MAX_QUEUED_CONTROL_FRAMES = 1000;

  private final ServerContext server;
  private final RequestRouter router;
  private final ConnectionRules rules;

  Http2Connections(ServerContext server, RequestRouter router, ConnectionRules rules) {
    this.server = server;
    this.router = router;
    this.rules = rules;
  }

  void addTo(ChannelPipeline pipeline) {
    pipeline.addLast("guard", new ConnectionGuard(rules));
    pipeline.addLast("http2", codec());
    pipeline.addLast("streams", new Http2MultiplexHandler(new StreamPipeline()));
    pipeline.addLast("end", Http2ConnectionEnd.INSTANCE);
  }

  private static Http2FrameCodec codec() {
    return Http2FrameCodecBuilder.forServer()
        .initialSettings(
            Http2Settings.defaultSettings()
                .maxConcurrentStreams(MAX_STREAMS)
                .maxHeaderListSize(MAX_HEADER_LIST)
                .initialWindowSize(STREAM_WINDOW))
        .validateHeaders(true)
        .decoderEnforceMaxRstFramesPerWindow(MAX_RESETS, RESET_WINDOW_SECONDS)
        .encoderEnforceMaxRstFramesPerWindow(MAX_OWN_RESETS, RESET_WINDOW_SECONDS)
        .decoderEnforceMaxSmallContinuationFrames(MAX_SMALL_CONTINUATIONS)
        .decoderEnforceMaxConsecutiveEmptyDataFrames(MAX_EMPTY_DATA_FRAMES)
        .encoderEnforceMaxQueuedControlFrames(MAX_QUEUED_CONTROL_FRAMES)
        // The server itself limits how long the requests of a connection may go on at its end.
        .gracefulShutdownTimeoutMillis(-1)
        .build();
  }

  /** The handlers of a stream, which has one request. */
  private final class StreamPipeline extends ChannelInitializer<Channel> {
    @Override
    protected void initChannel(Channel stream) {
      stream.pipeline().addLast("request", new Http2RequestReader(server, router));
    }
  }
}
