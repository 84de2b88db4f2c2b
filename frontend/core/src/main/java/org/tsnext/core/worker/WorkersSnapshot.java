package org.tsnext.core.worker;

import java.util.List;

/** Numbers and workers at one moment, so that no reader sees the one without the other. */
record WorkersSnapshot(int min, int max, List<WorkerSlot.SlotState> workers) {

  /** The workers in order of their creation. */
  FleetView fleetView() {
    return new FleetView(min, max, workers.stream().map(WorkerSlot.SlotState::view).toList());
  }

  /** Workers that have the model loaded. */
  int ready() {
    int ready = 0;
    for (WorkerSlot.SlotState worker : workers) {
      if (worker.state() == WorkerState.READY) {
        ready++;
      }
    }
    return ready;
  }
}
