/**
 * The gRPC transport: its servers. What they are told is in {@code settings}, what is answered in
 * {@code inference} and its neighbours, what every call has in common in {@code call}.
 */
package org.tsnext.grpc;
