package org.tsnext.core.worker;

/** Starts worker processes. Implemented by the worker module, faked in the core's tests. */
public interface WorkerLauncher {

  /**
   * Starts a process and has it load its model. Returns at once; everything that happens is told to
   * {@code listener}, ending with exactly one {@link WorkerListener#exited}, also when the process
   * could not be started at all.
   */
  WorkerProcess launch(WorkerSpec order, WorkerListener listener);

  /**
   * Ends the process that has a model loaded for its workers, which are gone; see {@link
   * WorkerSpec#parent}. Returns at once. A later launch that names it starts it anew.
   */
  default void release(int parent) {}
}
