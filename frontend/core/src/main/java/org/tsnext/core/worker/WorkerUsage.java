package org.tsnext.core.worker;

import java.util.Optional;

/**
 * What worker processes use of the machine, as it was last looked at. Answers at once, from any
 * thread.
 */
public interface WorkerUsage {

  /** Measures nothing. */
  WorkerUsage UNKNOWN =
      new WorkerUsage() {
        @Override
        public long memoryBytes(long pid) {
          return 0;
        }

        @Override
        public Optional<String> gpu(long pid, int gpuId) {
          return Optional.empty();
        }
      };

  /** Resident bytes of a process; 0 while they are not known. */
  long memoryBytes(long pid);

  /**
   * What a worker does on its GPU, for people to read; empty while that is not known.
   *
   * @param gpuId the device as the worker counts it, from 0
   */
  Optional<String> gpu(long pid, int gpuId);
}
