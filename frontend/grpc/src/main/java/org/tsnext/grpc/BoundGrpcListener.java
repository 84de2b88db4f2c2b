package org.tsnext.grpc;

/**
 * A listener that is open.
 *
 * @param role {@code inference} or {@code management}
 * @param address with the port that it really has, such as {@code 127.0.0.1:7070}: what clients are
 *     given
 */
public record BoundGrpcListener(String role, String address, int port) {}
