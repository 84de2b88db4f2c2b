package org.tsnext.grpc.server;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tsnext.grpc.call.InboundCall;

/** The calls of one connection whose requests have not come to their ends. On its event loop. */
final class CallWatch {

  /**
   * How long a client may take.
   *
   * @param readingNanos for the first message, and for the end of a request of one; 0 for no limit
   * @param idle without a message on a stream of many; zero for no limit
   */
  record Limits(long readingNanos, Duration idle) {}

  private final Limits limits;
  private final Set<WatchedCall<?, ?>> calls = new HashSet<>();
  private InboundCall begun;
  private long lookedNanos;

  CallWatch(Limits limits, long now) {
    this.limits = limits;
    this.lookedNanos = now;
  }

  void add(WatchedCall<?, ?> call) {
    calls.add(call);
    begun = call.inbound();
  }

  /** The call that has begun since this was asked last. */
  Optional<InboundCall> takeBegun() {
    InboundCall call = begun;
    begun = null;
    return Optional.ofNullable(call);
  }

  void remove(WatchedCall<?, ?> call) {
    calls.remove(call);
  }

  /** Looks at each of them. */
  void look(long now) {
    if (!calls.isEmpty()) {
      for (WatchedCall<?, ?> call : List.copyOf(calls)) {
        call.look(limits, lookedNanos, now);
      }
    }
    lookedNanos = now;
  }
}
