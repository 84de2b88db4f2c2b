package org.tsnext.core.worker;

/** Where the workers of one model version get their work. Methods may be called from any thread. */
public interface WorkSource {

  /**
   * Makes a seat for a worker that has loaded its model. Work comes after {@link WorkSeat#begin},
   * so that the listener of the worker knows the seat by then.
   *
   * @param observer told of faults that only work brings to light
   */
  WorkSeat open(int workerId, WorkerProcess process, WorkSeat.Observer observer);

  /**
   * Says what can be expected; if no worker is expected, requests that wait get their response at
   * once.
   */
  void workforce(Workforce workforce);
}
