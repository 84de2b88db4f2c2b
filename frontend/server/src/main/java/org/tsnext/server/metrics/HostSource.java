package org.tsnext.server.metrics;

import java.io.IOException;
import java.util.List;

/** Something of the machine that can be looked at. Used by one thread, which may block. */
interface HostSource {

  /** What messages call it. */
  String name();

  /** Whether values come from the difference of two looks, so that the first gives none. */
  default boolean measuresChange() {
    return false;
  }

  /**
   * Takes a look.
   *
   * @throws IOException if there is nothing to see
   * @throws InterruptedException if this thread is interrupted
   */
  List<HostSample> read() throws IOException, InterruptedException;
}
