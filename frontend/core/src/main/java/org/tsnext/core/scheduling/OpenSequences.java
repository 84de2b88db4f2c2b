package org.tsnext.core.scheduling;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** The open sequences of one model version by id, and the moments at which their time is over. */
final class OpenSequences {

  private final SequencePolicy policy;

  /** In the order in which they were opened, which is that in which their lifetimes end. */
  private final Map<String, Sequence> open = new LinkedHashMap<>();

  /** In the order in which they fell idle. */
  private final Set<Sequence> idle = new LinkedHashSet<>();

  private long opened;

  OpenSequences(SequencePolicy policy) {
    this.policy = policy;
  }

  /** The open sequence of that id, or null. */
  Sequence find(String id) {
    return open.get(id);
  }

  /** The open sequence of that id, which is opened if there is none; it is not idle any more. */
  Sequence use(String id, long now) {
    Sequence sequence = open.get(id);
    if (sequence == null) {
      sequence = new Sequence(id, opened++, now, policy.maxRunning());
      open.put(id, sequence);
    } else {
      idle.remove(sequence);
    }
    return sequence;
  }

  void fellIdle(Sequence sequence, long now) {
    sequence.idleSinceNanos = now;
    idle.add(sequence);
  }

  void close(Sequence sequence) {
    sequence.closed = true;
    open.remove(sequence.id());
    idle.remove(sequence);
  }

  /** Closes all of them, with what waits in them. */
  void clear() {
    open.forEach(
        (id, sequence) -> {
          sequence.closed = true;
          sequence.waiting().clear();
        });
    open.clear();
    idle.clear();
  }

  boolean isFull() {
    return open.size() >= policy.maxOpen();
  }

  List<Sequence> all() {
    return List.copyOf(open.values());
  }

  /** The sequence that was idle for longest, if it was for too long; or null. */
  Sequence idleForTooLong(long now) {
    Sequence first = idle.isEmpty() ? null : idle.iterator().next();
    return first != null && idleEnd(first) - now <= 0 ? first : null;
  }

  /** The oldest sequence, if it was open for too long; or null. */
  Sequence openForTooLong(long now) {
    if (policy.lifetime().isZero() || open.isEmpty()) {
      return null;
    }
    Sequence first = open.values().iterator().next();
    return lifeEnd(first) - now <= 0 ? first : null;
  }

  /** When the time of one of them is over. */
  OptionalLong nextEnd() {
    OptionalLong next = OptionalLong.empty();
    if (!idle.isEmpty()) {
      next = OptionalLong.of(idleEnd(idle.iterator().next()));
    }
    if (!policy.lifetime().isZero() && !open.isEmpty()) {
      next = earlier(next, lifeEnd(open.values().iterator().next()));
    }
    return next;
  }

  static OptionalLong earlier(OptionalLong known, long moment) {
    return known.isPresent() && known.getAsLong() - moment <= 0 ? known : OptionalLong.of(moment);
  }

  private long idleEnd(Sequence sequence) {
    return sequence.idleSinceNanos + policy.maxIdle().toNanos();
  }

  private long lifeEnd(Sequence sequence) {
    return sequence.openedNanos() + policy.lifetime().toNanos();
  }
}
