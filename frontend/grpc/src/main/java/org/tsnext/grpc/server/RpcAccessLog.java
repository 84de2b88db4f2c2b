package org.tsnext.grpc.server;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import java.net.SocketAddress;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.grpc.call.InboundCall;

/**
 * One line per call, on the logger {@code ACCESS_LOG}, however it ends: {@code <remote> "gRPC
 * <package.Service/Method> HTTP/2.0" <gRPC status number> <milliseconds>}, and the ids of its trace
 * if it has one.
 */
final class RpcAccessLog extends ServerStreamTracer.Factory {

  private static final Logger LOG = LoggerFactory.getLogger("ACCESS_LOG");

  private static final ServerStreamTracer NONE = new ServerStreamTracer() {};

  private final Clock clock;

  RpcAccessLog(Clock clock) {
    this.clock = clock;
  }

  @Override
  public ServerStreamTracer newServerStreamTracer(String fullMethodName, Metadata headers) {
    return LOG.isInfoEnabled() ? new Line(fullMethodName) : NONE;
  }

  private final class Line extends ServerStreamTracer {
    private final String method;
    private final long startNanos = clock.nanoTime();
    private volatile SocketAddress remote;
    private volatile InboundCall inbound;

    Line(String method) {
      this.method = method;
    }

    @Override
    public Context filterContext(Context context) {
      inbound = InboundCall.of(context);
      return context;
    }

    @Override
    public void serverCallStarted(ServerCallInfo<?, ?> call) {
      remote = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    }

    @Override
    public void streamClosed(Status status) {
      long millis = TimeUnit.NANOSECONDS.toMillis(clock.nanoTime() - startNanos);
      SocketAddress from = remote;
      StringBuilder line = new StringBuilder(128);
      line.append(from == null ? "-" : from.toString()).append(" \"gRPC ");
      appendClean(line, method);
      line.append(" HTTP/2.0\" ").append(status.getCode().value()).append(' ').append(millis);
      InboundCall call = inbound;
      if (call != null) {
        call.timeline().flatMap(RequestTimeline::trace).ifPresent(trace -> trace.appendIds(line));
      }
      LOG.info(line.toString());
    }
  }

  /** Nothing a client sends can start a new line or end the quotes. */
  private static void appendClean(StringBuilder line, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(c > ' ' && c < 0x7f && c != '"' ? c : '?');
    }
  }
}
