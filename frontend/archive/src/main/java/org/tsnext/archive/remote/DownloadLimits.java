package org.tsnext.archive.remote;

import java.time.Duration;

/**
 * How much a download may take.
 *
 * @param maxBytes of one archive
 * @param connectTimeout for a connection, and again for its TLS handshake
 * @param readTimeout between two pieces of an answer
 * @param totalTimeout for everything, redirections included
 */
public record DownloadLimits(
    long maxBytes, Duration connectTimeout, Duration readTimeout, Duration totalTimeout) {}
