package org.tsnext.server;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How the file descriptors that this process may have are shared out. Inference gets what is left
 * when the parts that must always go on have theirs: management, metrics, the sockets of workers,
 * and files that are opened for a moment.
 *
 * @param limit of this process, {@code ulimit -n}; empty if there is none that matters
 * @param eventLoops threads that serve sockets
 */
record Descriptors(OptionalInt limit, int eventLoops) {

  /** Jars, logs, pipes, listeners; logs that roll, archives that are unpacked, refusals. */
  private static final int FILES = 190;

  private static final int OF_EVENT_LOOP = 3;

  /** Each listener of management and metrics may have this share of what is free. */
  private static final int LISTENER_SHARE = 16;

  private static final int LISTENER_MIN = 4;

  /** Workers, which have two each, have this share of what is free. */
  private static final int WORKERS_SHARE = 8;

  private static final int WORKERS_MIN = 32;

  /** Over HTTP and over gRPC each. */
  private static final int INFERENCE_MIN = 16;

  /**
   * How many connections are wanted at a time, or allowed; zero for any number.
   *
   * @param inference over HTTP
   * @param management over HTTP and over gRPC each
   */
  record Connections(int inference, int grpcInference, int management, int metrics) {}

  /**
   * What came of it.
   *
   * @param warning what does not fit
   * @param shortage why there can be no start
   */
  record Shares(Connections allowed, Optional<String> warning, Optional<String> shortage) {}

  static Descriptors ofThisProcess(int eventLoops) {
    if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system) {
      long limit = system.getMaxFileDescriptorCount();
      if (limit > 0 && limit < Integer.MAX_VALUE) {
        return new Descriptors(OptionalInt.of((int) limit), eventLoops);
      }
    }
    return new Descriptors(OptionalInt.empty(), eventLoops);
  }

  /**
   * Shares them out.
   *
   * @param wanted as it is configured
   * @param grpc whether there are listeners for gRPC
   */
  Shares share(Connections wanted, boolean grpc) {
    if (limit.isEmpty()) {
      return new Shares(wanted, Optional.empty(), Optional.empty());
    }
    int fixed = FILES + OF_EVENT_LOOP * eventLoops;
    int free = Math.max(0, limit.getAsInt() - fixed);
    int management = atMost(wanted.management(), Math.max(LISTENER_MIN, free / LISTENER_SHARE));
    int metrics = atMost(wanted.metrics(), Math.max(LISTENER_MIN, free / LISTENER_SHARE));
    int left = free - Math.max(WORKERS_MIN, free / WORKERS_SHARE) - metrics - management;
    if (grpc) {
      left -= management;
    }
    int least = fixed + WORKERS_MIN + 3 * LISTENER_MIN + 2 * INFERENCE_MIN;
    Optional<String> shortage =
        limit.getAsInt() < least
            ? Optional.of(
                "Too few file descriptors: ulimit -n is %d, expected %d or more"
                    .formatted(limit.getAsInt(), least))
            : Optional.empty();
    int http = atMost(wanted.inference(), grpc ? left - left / 4 : left);
    Connections allowed =
        new Connections(
            http,
            grpc ? atMost(wanted.grpcInference(), left - http) : wanted.grpcInference(),
            management,
            metrics);
    return new Shares(
        allowed, shortage.isPresent() ? shortage : warning(wanted, allowed), shortage);
  }

  /** Of gRPC alone nothing is said: few clients use both. */
  private Optional<String> warning(Connections wanted, Connections allowed) {
    List<String> cut = new ArrayList<>();
    addCut(cut, "inference", wanted.inference(), allowed.inference());
    addCut(cut, "management", wanted.management(), allowed.management());
    addCut(cut, "metrics", wanted.metrics(), allowed.metrics());
    return cut.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "ulimit -n = %d has no room for the connections that are configured: %s"
                .formatted(limit.getAsInt(), String.join(", ", cut)));
  }

  private static void addCut(List<String> cut, String api, int wanted, int allowed) {
    if (wanted != allowed) {
      cut.add("%s_max_connections = %d is cut to %d".formatted(api, wanted, allowed));
    }
  }

  private static int atMost(int wanted, int room) {
    return wanted == 0 ? Math.max(1, room) : Math.max(1, Math.min(wanted, room));
  }
}
