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
    int maxRequestSize,
    int streamBufferLimit,
    BodyMemory bodyMemory,
    HeadEncoder heads,
    CorsOrigins corsOrigins,
    ErrorRenderer errors,
    HttpAccessLog accessLog,
    ServerMetrics metrics,
    Clock clock,
    BooleanSupplier draining) {}
