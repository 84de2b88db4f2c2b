package org.tsnext.core.scheduling;

import java.util.function.Predicate;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * The one place at which requests end, with their deadlines and the one timer of a scheduler: it is
 * armed for the nearest moment and looked at again when it fires. A moment that goes away leaves it
 * armed, so that it is seldom touched.
 */
final class Ends {

  private final Effects effects;
  private final LiveRequests live = new LiveRequests();
  private final DeadlineHeap deadlines = new DeadlineHeap();
  private boolean armed;
  private long armedFor;

  Ends(Effects effects) {
    this.effects = effects;
  }

  /** Takes a request that is admitted; from now on it has one end, whatever happens. */
  void admit(QueuedRequest request) {
    live.add(request);
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

  void complete(QueuedRequest request, ResponseHead head, Object body) {
    end(
        request,
        request.streaming ? QueuedRequest.End.END_STREAM : QueuedRequest.End.COMPLETE,
        head,
        body);
  }

  void fail(QueuedRequest request, ServingException why) {
    end(request, QueuedRequest.End.FAIL, null, why);
  }

  /** Ends a request that is not served here. One that named no version may go to another one. */
  void reject(QueuedRequest request, ServingException why) {
    boolean movable =
        request.version().isEmpty()
            && request.sequence == null
            && why.kind() != ErrorKind.SHUTTING_DOWN;
    end(request, movable ? QueuedRequest.End.REJECT : QueuedRequest.End.FAIL, null, why);
  }

  void endSilently(QueuedRequest request) {
    end(request, QueuedRequest.End.SILENT, null, null);
  }

  /**
   * After a fault: fails what lives and is nowhere any more.
   *
   * @param isSomewhere whether a request waits, or is with a worker
   */
  void failLost(Predicate<QueuedRequest> isSomewhere, ServingException why) {
    QueuedRequest request = live.newest();
    while (request != null) {
      QueuedRequest older = request.older;
      if (!isSomewhere.test(request)) {
        fail(request, why);
      }
      request = older;
    }
  }

  /** Decides the end and appends it, in one step that allocates nothing. */
  private void end(
      QueuedRequest request, QueuedRequest.End how, ResponseHead head, Object content) {
    request.decide(how, head, content);
    effects.end(request);
    deadlines.remove(request);
    live.remove(request);
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
