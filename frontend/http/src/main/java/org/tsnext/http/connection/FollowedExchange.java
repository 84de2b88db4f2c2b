package org.tsnext.http.connection;

import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.request.Header;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace;
import org.tsnext.core.tracing.ServerTiming;

/**
 * What a request that is followed shows: its times to the client, its ids to the access log, its
 * end to its trace. On the event loop of its exchange.
 */
final class FollowedExchange {

  private static final String STATUS = "http.response.status_code";

  private final RequestTimeline timeline;
  private final boolean times;
  private final Clock clock;

  /**
   * @param times whether the client is told
   */
  FollowedExchange(RequestTimeline timeline, boolean times, Clock clock) {
    this.timeline = timeline;
    this.times = times;
    this.clock = clock;
  }

  RequestTimeline timeline() {
    return timeline;
  }

  boolean tellsTimes() {
    return times;
  }

  /** The headers with the times so far, if the client is told. */
  List<Header> withTimes(List<Header> headers) {
    if (!times) {
      return headers;
    }
    List<Header> more = new ArrayList<>(headers);
    more.add(new Header(ServerTiming.HEADER, ServerTiming.of(timeline, clock.nanoTime())));
    return more;
  }

  void appendIds(StringBuilder line) {
    timeline.trace().ifPresent(trace -> trace.appendIds(line));
  }

  /** The exchange has ended. */
  void end(int status) {
    boolean failed = status >= 500;
    String error = failed ? Integer.toString(status) : "";
    timeline
        .trace()
        .ifPresent(
            trace ->
                trace.end(timeline, new RequestTrace.RequestEnd(STATUS, status, failed, error)));
  }
}
