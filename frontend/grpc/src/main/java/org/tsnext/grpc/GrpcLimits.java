package org.tsnext.grpc;

import java.time.Duration;
import java.util.Objects;

/**
 * How much a client may ask for.
 *
 * @param maxRequestSize octets of a message from a client, at most
 * @param maxResponseSize octets that the parts of a streamed answer may have together where they
 *     become one message
 * @param streamBufferLimit octets of one stream that may wait for a slow client before that stream
 *     is cut, and of requests on one stream that may wait for their answers
 * @param idle how long a connection may be open without a call; zero for no limit
 */
public record GrpcLimits(
    int maxRequestSize, int maxResponseSize, int streamBufferLimit, Duration idle) {

  public GrpcLimits {
    Objects.requireNonNull(idle, "idle");
  }
}
