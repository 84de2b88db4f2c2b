package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import org.tsnext.core.request.RequestKind;

/** The sequences of one worker, and those of them with a request that could run now. */
final class WorkerSequences {

  private final Set<Sequence> owned = new LinkedHashSet<>();
  private final NavigableSet<Sequence> ready = new TreeSet<>(Sequence.BY_NEXT_REQUEST);

  /** Sequences that could go to another worker as well. */
  private int unbegun;

  Set<Sequence> owned() {
    return owned;
  }

  int ready() {
    return ready.size();
  }

  boolean allAreReady() {
    return ready.size() == owned.size();
  }

  /** Takes a new sequence, which is ready. */
  void add(Sequence sequence) {
    owned.add(sequence);
    ready.add(sequence);
    unbegun++;
  }

  void remove(Sequence sequence) {
    if (owned.remove(sequence) && !sequence.begun) {
      unbegun--;
    }
    ready.remove(sequence);
  }

  /** Removes and returns those that have not begun. */
  List<Sequence> takeUnbegun() {
    List<Sequence> taken =
        unbegun == 0 ? List.of() : ready.stream().filter(sequence -> !sequence.begun).toList();
    taken.forEach(this::remove);
    return taken;
  }

  void addReady(Sequence sequence) {
    ready.add(sequence);
  }

  void removeReady(Sequence sequence) {
    ready.remove(sequence);
  }

  /** Arrival of the oldest request that is ready; there is one. */
  long oldestArrivalNanos() {
    return ready.first().nextArrivalNanos;
  }

  /** Takes sequences out of the ready ones whose requests make a batch: one kind, oldest first. */
  List<Sequence> takeReady(int max) {
    RequestKind kind = nextKind(ready.first());
    List<Sequence> taken = new ArrayList<>();
    for (Sequence sequence : ready) {
      if (taken.size() < max && nextKind(sequence) == kind) {
        taken.add(sequence);
      }
    }
    for (Sequence sequence : taken) {
      ready.remove(sequence);
      unbegun -= sequence.begun ? 0 : 1;
      sequence.begun = true;
    }
    return taken;
  }

  private static RequestKind nextKind(Sequence sequence) {
    return sequence.waiting().getFirst().kind();
  }
}
