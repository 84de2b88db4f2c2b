package org.tsnext.core.worker;

/** Where the workers of one model version get their work. Methods may be called from any thread. */
public interface WorkSource {

  /**
   * Makes a registration for a worker that has loaded its model. Work comes after {@link
   * WorkerRegistration#begin}, so that the listener of the worker knows the registration by then.
   *
   * @param observer told of faults that only work brings to light
   */
  WorkerRegistration open(
      int workerId, WorkerProcess process, WorkerRegistration.Observer observer);

  /**
   * Says what can be expected; if no worker is expected, requests that wait get their response at
   * once.
   */
  void availability(WorkerAvailability availability);
}
