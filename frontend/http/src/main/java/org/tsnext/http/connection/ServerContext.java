package org.tsnext.http.connection;

import java.util.function.BooleanSupplier;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.time.Clock;
import org.tsnext.http.response.CorsOrigins;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.HeadEncoder;
import org.tsnext.transport.BodyMemory;

/**
 * What all connections share.
 *
 * @param draining whether the server is on its way out: connections then close after their answer
 */
public record ServerContext(
    Bodies bodies,
    Rendering rendering,
    HttpAccessLog accessLog,
    ServerMetrics metrics,
    Clock clock,
    BooleanSupplier draining) {

  /**
   * How much of bodies is taken and held.
   *
   * @param maxRequestSize bytes of a request body, at most
   * @param streamBufferLimit bytes of one stream that may wait for a slow client
   */
  public record Bodies(int maxRequestSize, int streamBufferLimit, BodyMemory memory) {}

  /** What responses are made with. */
  public record Rendering(HeadEncoder heads, CorsOrigins corsOrigins, ErrorRenderer errors) {}
}
