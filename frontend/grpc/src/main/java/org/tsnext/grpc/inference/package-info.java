/** The service {@code InferenceAPIsService}: predictions, one by one and in streams, and Ping. */
package org.tsnext.grpc.inference;
