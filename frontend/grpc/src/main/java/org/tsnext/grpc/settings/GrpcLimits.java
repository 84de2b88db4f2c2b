package org.tsnext.grpc.settings;

import java.time.Duration;
import java.util.Objects;

/**
 * How much a client may ask for.
 *
 * @param maxRequestSize bytes of a message from a client, at most
 * @param maxResponseSize bytes that the parts of a streamed answer may have together where they
 *     become one message
 * @param streamBufferLimit bytes of one stream that may wait for a slow client before that stream
 *     is cut, and of requests on one stream that may wait for their answers
 * @param idle how long a connection may be open without a call, or a stream without a message; zero
 *     for no limit
 * @param reading how long a client may take for the first message of a call, and for the end of a
 *     request of one message, where these do not progress; zero for no limit
 */
public record GrpcLimits(
    int maxRequestSize,
    int maxResponseSize,
    int streamBufferLimit,
    Duration idle,
    Duration reading) {

  public GrpcLimits {
    Objects.requireNonNull(idle, "idle");
    Objects.requireNonNull(reading, "reading");
  }
}
