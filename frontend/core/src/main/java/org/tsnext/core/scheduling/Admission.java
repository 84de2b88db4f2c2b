package org.tsnext.core.scheduling;

import org.tsnext.core.error.ServingException;
import org.tsnext.core.worker.WorkerAvailability;

/** Who is served: whether workers can be expected, and whether the version takes requests. */
final class Admission {

  private final DispatchPolicy policy;
  private final Refusals refusals;
  private WorkerAvailability availability = WorkerAvailability.NONE;

  /** Why the version takes no more requests, or null. */
  private ServingException closed;

  Admission(DispatchPolicy policy, Refusals refusals) {
    this.policy = policy;
    this.refusals = refusals;
  }

  void availability(WorkerAvailability now) {
    availability = now;
  }

  void close(ServingException why) {
    closed = closed == null ? why : closed;
  }

  boolean isClosed() {
    return closed != null;
  }

  /** Why a new request is not admitted, or null. */
  ServingException refusal(
      QueuedRequest request, DispatchStrategy strategy, Fleet fleet, long now) {
    ServingException unserved = lateOrUnserved(request, now);
    if (unserved != null) {
      return unserved;
    }
    return policy.useJobTicket() && fleet.tickets() <= strategy.size()
        ? refusals.noTicket(request)
        : strategy.refusal(request, now);
  }

  /** Why no worker would serve a request, however few wait; or null. */
  ServingException lateOrUnserved(QueuedRequest request, long now) {
    if (closed == null && request.deadline().passed(now)) {
      return request.deadline().expired();
    }
    return unserved(request, now);
  }

  /** Why a request that waits would wait in vain; or null. */
  ServingException unserved(QueuedRequest request, long now) {
    if (closed != null) {
      return closed;
    }
    return switch (availability.state()) {
      case PRESENT -> null;
      case LOAD_FAILED -> refusals.loadFailed(request, availability, now);
      case FAILED -> refusals.allFailed(request, availability.reason());
      case NONE -> refusals.noWorker(request);
    };
  }
}
