package org.tsnext.core.settings;

import java.util.List;

/**
 * Where the workers of a model version run.
 *
 * @param gpu whether they run on GPUs
 * @param own GPUs that are dealt out to this version's workers alone; empty to share all
 * @param perWorker GPUs that each worker has for itself; 0 if it has none of its own
 */
public record Devices(boolean gpu, List<Integer> own, int perWorker) {

  /** No GPU at all. */
  public static final Devices CPU = new Devices(false, List.of(), 0);

  public Devices {
    own = List.copyOf(own);
  }

  /** As many workers as wanted, or as there are devices for. */
  public int within(int workers) {
    return perWorker == 0 ? workers : Math.min(workers, own.size() / perWorker);
  }
}
