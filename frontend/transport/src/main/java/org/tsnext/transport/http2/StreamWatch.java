package org.tsnext.transport.http2;

import static org.tsnext.transport.TimeLimit.NEVER;
import static org.tsnext.transport.TimeLimit.isOver;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Finds the streams of a connection that keep a place without using it: a body that trickles, an
 * answer that the client does not read, a request whose end does not come although it was answered.
 * Each is judged by what comes and goes on it alone. Streams that live shorter than the time
 * between two looks are not seen at all. On the connection's event loop.
 */
final class StreamWatch {

  /** Bytes per second, on average between two looks, below which a body trickles. */
  private static final long TRICKLE = 256;

  /** What a client sends before it hears that its request has been answered may still come. */
  private static final long GRACE_NANOS = Duration.ofSeconds(5).toNanos();

  private final ConnectionRules rules;
  private IntObjectMap<Seen> seen = new IntObjectHashMap<>(0);
  private long restingNanos;
  private int lastStream;

  /** A stream that was there at a look. */
  private static final class Seen {
    private long received;
    private long sent;
    private long tricklingNanos = NEVER;
    private long unreadNanos = NEVER;
    private long respondedNanos = NEVER;
  }

  private record Cut(int stream, Http2Error reason) {}

  StreamWatch(ConnectionRules rules, long now) {
    this.rules = rules;
    this.restingNanos = now;
  }

  /** Bytes of a body have come. */
  void received(int stream, int bytes) {
    if (!seen.isEmpty()) {
      Seen of = seen.get(stream);
      if (of != null) {
        of.received += bytes;
      }
    }
  }

  /** Bytes of an answer have gone. */
  void sent(int stream, int bytes) {
    if (!seen.isEmpty()) {
      Seen of = seen.get(stream);
      if (of != null) {
        of.sent += bytes;
      }
    }
  }

  /** Whether there has been no request for too long, not counting those that were answered. */
  boolean isIdleTooLong(long now) {
    return isOver(now, restingNanos, rules.idleNanos());
  }

  /** The last stream that the client has begun, for a good-bye. */
  int lastStream(ChannelHandlerContext ctx) {
    Http2ConnectionHandler codec = ctx.pipeline().get(Http2ConnectionHandler.class);
    return codec == null ? 0 : Math.max(0, codec.connection().remote().lastStreamCreated());
  }

  /** Looks at every stream, and resets those that are not to go on. */
  void look(Http2ConnectionHandler codec, ChannelHandlerContext context, long before, long now) {
    List<Cut> cuts = new ArrayList<>();
    IntObjectMap<Seen> still = new IntObjectHashMap<>();
    int last = codec.connection().remote().lastStreamCreated();
    if (last != lastStream) {
      // Streams may have come and gone between two looks.
      lastStream = last;
      restingNanos = now;
    }
    Http2RemoteFlowController flow = codec.connection().remote().flowController();
    try {
      codec
          .connection()
          .forEachActiveStream(
              stream -> {
                Seen of = seen.get(stream.id());
                boolean first = of == null;
                of = first ? new Seen() : of;
                still.put(stream.id(), of);
                judge(stream, of, flow.hasFlowControlled(stream), first ? now : before, now, cuts);
                of.received = 0;
                of.sent = 0;
                return true;
              });
    } catch (Http2Exception e) {
      throw new IllegalStateException("the visitor throws nothing", e);
    }
    seen = still;
    cuts.forEach(cut -> reset(codec, context, cut));
    if (!cuts.isEmpty()) {
      context.flush();
    }
  }

  private void judge(
      Http2Stream stream, Seen of, boolean waits, long before, long now, List<Cut> cuts) {
    if (!stream.state().localSideOpen()) {
      of.respondedNanos = of.respondedNanos == NEVER ? before : of.respondedNanos;
      if (isOver(now, of.respondedNanos, GRACE_NANOS)) {
        cuts.add(new Cut(stream.id(), Http2Error.NO_ERROR));
      }
      return;
    }
    restingNanos = now;
    of.unreadNanos = !waits || of.sent > 0 ? NEVER : Math.min(of.unreadNanos, before);
    if (isOver(now, of.unreadNanos, rules.idleNanos())) {
      rules.slow().happened();
      cuts.add(new Cut(stream.id(), Http2Error.ENHANCE_YOUR_CALM));
    } else if (rules.bodies() == ConnectionRules.Bodies.RESET_HERE
        && stream.state().remoteSideOpen()) {
      long expected = TRICKLE * TimeUnit.NANOSECONDS.toMillis(now - before) / 1000;
      of.tricklingNanos = of.received > expected ? NEVER : Math.min(of.tricklingNanos, before);
      if (isOver(now, of.tricklingNanos, rules.readingNanos())) {
        rules.slow().happened();
        cuts.add(new Cut(stream.id(), Http2Error.ENHANCE_YOUR_CALM));
      }
    }
  }

  /**
   * Cancels the stream as if the client had, so that the handler of its request stops; then resets
   * it towards the client.
   */
  private static void reset(Http2ConnectionHandler codec, ChannelHandlerContext context, Cut cut) {
    try {
      if (cut.reason() != Http2Error.NO_ERROR) {
        codec.decoder().frameListener().onRstStreamRead(context, cut.stream(), cut.reason().code());
      }
      var unused =
          codec
              .encoder()
              .writeRstStream(context, cut.stream(), cut.reason().code(), context.newPromise());
    } catch (Http2Exception e) {
      codec.onError(context, false, e);
    }
  }
}
