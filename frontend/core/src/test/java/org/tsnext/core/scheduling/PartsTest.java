package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.testng.annotations.Test;
import org.tsnext.core.request.RequestKind;

/** The parts of the scheduler, each alone: window, queue, deadlines. */
public class PartsTest {

  @Test
  public void windowStartsAtOneAndGrowsOnlyWithShortBatches() {
    Window window = Window.adaptive();
    assertEquals(window.size(), 1);
    window.responded(Duration.ofMillis(5).toNanos());
    assertEquals(window.size(), 1, "5 ms of work behind 5 ms would be too much");
    Window quick = Window.adaptive();
    for (int i = 0; i < 500; i++) {
      quick.responded(Duration.ofNanos(100_000).toNanos());
      assertTrue((quick.size() - 1) * 100_000L <= Window.QUEUED_WORK_NANOS);
    }
    assertEquals(quick.size(), 21);
    quick.responded(Duration.ofMillis(50).toNanos());
    assertEquals(quick.size(), 1, "shrinks at once");
    Window instant = Window.adaptive();
    for (int i = 0; i < 500; i++) {
      instant.responded(0);
    }
    assertEquals(instant.size(), Window.MAX_SIZE);
  }

  @Test
  public void onlySteadyTimesArePredicted() {
    Window window = Window.adaptive();
    window.responded(5_000_000);
    assertFalse(window.isSteady(), "one time says nothing");
    for (int i = 0; i < 10; i++) {
      window.responded(5_000_000 + (i % 2) * 200_000);
    }
    assertTrue(window.isSteady());
    assertTrue(window.meanDeviationNanos() < 600_000, "about " + window.meanDeviationNanos());
    window.responded(200_000_000);
    assertFalse(window.isSteady(), "one that took long");
  }

  @Test
  public void requestsPutBackComeFirst() {
    RequestQueue queue = new RequestQueue(2);
    QueuedRequest[] requests =
        Stream.of("a", "b", "c").map(name -> request(Deadline.NEVER)).toArray(QueuedRequest[]::new);
    queue.addLast(requests[1]);
    queue.addLast(requests[2]);
    assertTrue(queue.isFull(RequestKind.PREDICT));
    queue.addFirst(requests[0]);
    assertEquals(queue.size(), 3);
    assertEquals(queue.poll(RequestKind.PREDICT), requests[0]);
    queue.remove(requests[2]);
    queue.remove(requests[2]);
    assertEquals(queue.poll(RequestKind.PREDICT), requests[1]);
    assertTrue(queue.isEmpty());
  }

  @Test
  public void heapGivesDeadlinesInOrderWhateverWasRemoved() {
    Random random = new Random(7);
    DeadlineHeap heap = new DeadlineHeap();
    List<QueuedRequest> requests = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      Deadline deadline = Deadline.of(random.nextInt(1000), Duration.ofNanos(5), Optional.empty());
      QueuedRequest request = request(deadline);
      heap.add(request);
      requests.add(request);
    }
    for (int i = 0; i < 500; i += 3) {
      heap.remove(requests.get(i));
      heap.remove(requests.get(i));
    }
    long last = Long.MIN_VALUE;
    int count = 0;
    while (!heap.isEmpty()) {
      assertTrue(heap.first().deadline().nanos() >= last);
      last = heap.first().deadline().nanos();
      heap.remove(heap.first());
      count++;
    }
    assertEquals(count, 333);
  }

  private static QueuedRequest request(Deadline deadline) {
    return new QueuedRequest(RequestKind.PREDICT, Optional.empty(), "", 0, deadline);
  }
}
