package org.tsnext.core.worker;

import java.util.List;

/** Starts worker processes. Implemented by the worker module, faked in the core's tests. */
public interface WorkerStarter {

  /**
   * Starts a process and has it load its model. Returns at once; everything that happens is
   * reported to {@code listener}, ending with exactly one {@link WorkerListener#exited}, also when
   * the process could not be started at all.
   */
  WorkerProcess startWorker(WorkerSpec spec, WorkerListener listener);

  /**
   * Ends the process that has a model loaded for its workers, which are gone; see {@link
   * WorkerSpec.PythonProcess#templateId}. Returns at once. A later worker that names it starts it
   * anew.
   */
  default void release(int templateId) {}

  /**
   * A worker has imported these modules for itself; those that are started later are to find them.
   * See {@link WorkerSpec.TemplateImports}. Returns at once.
   */
  default void imported(int versionId, List<String> modules) {}
}
