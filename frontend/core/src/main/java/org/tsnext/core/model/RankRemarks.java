package org.tsnext.core.model;

import java.util.Optional;
import org.tsnext.core.settings.VersionSettings;

/** What a person should hear about workers of several processes on a machine. */
final class RankRemarks {

  private RankRemarks() {}

  /**
   * Of a version whose workers run on processors, if it has more processes in each than there are.
   *
   * @param cpuCount processors that the server may use
   */
  static Optional<String> of(VersionSettings settings, int cpuCount) {
    int ranks = settings.config().devices().ranks();
    if (settings.devices().gpu() || ranks <= cpuCount) {
      return Optional.empty();
    }
    return Optional.of(
        "each worker has %d processes (parallelLevel or torchrun.nproc-per-node), and this machine %d processors: the processes wait for each other at each step; expected at most %d"
            .formatted(ranks, cpuCount, cpuCount));
  }
}
