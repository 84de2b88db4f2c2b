/**
 * The gRPC transport: its servers and what they can be told. What is answered is in {@code
 * inference} and its neighbours, what every call has in common in {@code call}.
 */
package org.tsnext.grpc;
