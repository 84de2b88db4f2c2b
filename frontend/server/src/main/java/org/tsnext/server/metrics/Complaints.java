package org.tsnext.server.metrics;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Warns once of each kind of failure: the same one each minute would say no more. */
final class Complaints {
  private static final Logger LOGGER = LoggerFactory.getLogger(Complaints.class);

  /** Kinds that are told apart. */
  private static final int MAX_KINDS = 1000;

  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  /**
   * Logs a failure, as a warning if it is the first of its kind.
   *
   * @param source what failed
   * @param problem its kind, and after a colon what is different each time
   */
  void about(String source, String problem) {
    String kind = source + " " + problem.split(":", 2)[0];
    if (reported.size() < MAX_KINDS && reported.add(kind)) {
      LOGGER.warn(
          "System metrics, {}: {} (such failures are debug lines from now on)", source, problem);
    } else {
      LOGGER.debug("System metrics, {}: {}", source, problem);
    }
  }
}
