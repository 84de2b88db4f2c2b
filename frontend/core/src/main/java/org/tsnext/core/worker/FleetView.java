package org.tsnext.core.worker;

import java.util.List;

/**
 * The workers of a model version at one moment.
 *
 * @param min how many there should be; 0 before the first request
 * @param max how many there may be
 * @param workers in order of their creation, leaving ones included
 */
public record FleetView(int min, int max, List<WorkerView> workers) {

  public FleetView {
    workers = List.copyOf(workers);
  }
}
