package org.tsnext.core.model;

import java.time.Duration;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * A change of the number of workers.
 *
 * @param timeout how long a worker that goes may finish what it runs; empty for the server's
 *     default
 */
public record ScaleModel(
    int minWorkers, int maxWorkers, boolean synchronous, Optional<Duration> timeout) {

  /**
   * @throws ServingException BAD_REQUEST if there cannot be as many
   */
  void requireNumbers() {
    requireNumber("min_worker", minWorkers);
    requireNumber("max_worker", maxWorkers);
    if (maxWorkers < minWorkers) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "max_worker cannot be less than min_worker.");
    }
  }

  private static void requireNumber(String name, int value) {
    if (value < 0 || value > ServingSettings.MAX_WORKERS) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "Parameter "
              + name
              + " is "
              + value
              + ", expected 0 to "
              + ServingSettings.MAX_WORKERS
              + ".");
    }
  }
}
