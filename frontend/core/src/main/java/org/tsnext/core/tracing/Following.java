package org.tsnext.core.tracing;

import java.util.Objects;
import java.util.Optional;

/**
 * Which requests are followed.
 *
 * @param timesForAll whether every client is told the times of its request; otherwise those are
 *     that ask for them, with a valid token
 * @param tracing empty if nothing is traced
 */
public record Following(boolean timesForAll, Optional<Tracing> tracing) {

  /** Clients with a valid token may ask for times, and nothing is traced. */
  public static final Following ON_REQUEST = new Following(false, Optional.empty());

  /** By which a client with a valid token asks for the times of its request. */
  public static final String HEADER = "x-ts-server-timing";

  /** The value of that header. */
  public static final String WANTED = "1";

  public Following {
    Objects.requireNonNull(tracing, "tracing");
  }

  /** Begins to follow a request that is to be followed. */
  public RequestTimeline begin(Tracing.IncomingRequest request) {
    return new RequestTimeline(request.startNanos(), tracing.map(into -> into.begin(request)));
  }
}
