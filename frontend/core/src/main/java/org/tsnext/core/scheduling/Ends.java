package org.tsnext.core.scheduling;

import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * The one place at which requests end, with their deadlines and the one timer of a scheduler: it is
 * armed for the nearest moment and looked at again when it fires. A moment that goes away leaves it
 * armed, so that it is seldom touched.
 */
final class Ends {

  private final Effects effects;
  private final DeadlineHeap deadlines = new DeadlineHeap();
  private boolean armed;
  private long armedFor;

  Ends(Effects effects) {
    this.effects = effects;
  }

  /** Watches over the deadline of a request that was admitted. */
  void watch(QueuedRequest request) {
    if (request.deadline().exists()) {
      deadlines.add(request);
      arm(request.deadline().nanos());
    }
  }

  /** The request that has passed its deadline longest ago, or null. */
  QueuedRequest late(long now) {
    QueuedRequest first = deadlines.first();
    return first != null && first.deadline().passed(now) ? first : null;
  }

  /** Decides the one end of a request. */
  void end(QueuedRequest request) {
    if (request.ended) {
      throw new IllegalStateException("A request was to end twice.");
    }
    request.ended = true;
    deadlines.remove(request);
  }

  void fail(QueuedRequest request, ServingException why) {
    end(request);
    effects.fail(request, why);
  }

  /** Ends a request that is not served here. One that named no version may go to another one. */
  void reject(QueuedRequest request, ServingException why) {
    end(request);
    boolean movable =
        request.version().isEmpty()
            && request.sequence == null
            && why.kind() != ErrorKind.SHUTTING_DOWN;
    if (movable) {
      effects.reject(request, why);
    } else {
      effects.fail(request, why);
    }
  }

  /** Makes sure that the timer fires at {@code moment} or before. */
  void arm(long moment) {
    if (!armed || moment - armedFor < 0) {
      armed = true;
      armedFor = moment;
      effects.armTimer(moment);
    }
  }

  /** The timer has fired, or could not be armed. */
  void timerIsOff() {
    armed = false;
  }

  /** Arms the timer for the nearest deadline. */
  void armForDeadline() {
    if (!deadlines.isEmpty()) {
      arm(deadlines.first().deadline().nanos());
    }
  }

  /** Nothing is waited for any more. */
  void disarm() {
    armed = false;
    effects.disarmTimer();
  }
}
