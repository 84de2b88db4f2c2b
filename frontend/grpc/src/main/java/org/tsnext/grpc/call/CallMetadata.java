package org.tsnext.grpc.call;

import io.grpc.Metadata;
import java.util.ArrayList;
import java.util.List;

/** The metadata that every call has. */
public final class CallMetadata {

  /** In the client's metadata if it chooses the id, and in the answer's. */
  public static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

  public static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** With {@link #SITE}, which web page makes the call; only browsers say it. */
  public static final Metadata.Key<String> ORIGIN =
      Metadata.Key.of("origin", Metadata.ASCII_STRING_MARSHALLER);

  public static final Metadata.Key<String> SITE =
      Metadata.Key.of("sec-fetch-site", Metadata.ASCII_STRING_MARSHALLER);

  private CallMetadata() {}

  /** Adds the id to what is sent, and returns that. */
  public static Metadata withRequestId(Metadata metadata, String requestId) {
    metadata.put(REQUEST_ID, requestId);
    return metadata;
  }

  /** All values of a name, in order. */
  public static List<String> values(Metadata metadata, Metadata.Key<String> key) {
    Iterable<String> values = metadata.getAll(key);
    if (values == null) {
      return List.of();
    }
    List<String> all = new ArrayList<>(1);
    values.forEach(all::add);
    return all;
  }
}
