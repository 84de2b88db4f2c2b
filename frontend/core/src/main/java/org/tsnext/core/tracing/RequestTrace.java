package org.tsnext.core.tracing;

/** The trace of one request. Any thread; does not block. */
public interface RequestTrace {

  /** 32 hex digits. */
  String traceId();

  /** 16 hex digits: the span of the request. */
  String spanId();

  /** Appends both ids to a line of an access log. */
  default void appendIds(StringBuilder line) {
    line.append(" trace_id=").append(traceId()).append(" span_id=").append(spanId());
  }

  /** Whether it is recorded, so that it can be looked up. */
  boolean isSampled();

  /** A new {@code traceparent} (W3C), for what a handler does in one attempt at the request. */
  String newHandlerContext();

  /** The request has ended, and with it everything in {@code timeline}. Called once. */
  void end(RequestTimeline timeline, RequestEnd end);

  /**
   * How a request ended, in the words of its transport.
   *
   * @param attribute that has the status, by the semantic conventions
   * @param failed whether it is the server's failure
   * @param error the type of the error; empty for none
   */
  record RequestEnd(String attribute, long status, boolean failed, String error) {}
}
