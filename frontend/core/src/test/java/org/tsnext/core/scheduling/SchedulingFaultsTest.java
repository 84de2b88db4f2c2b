package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.worker.WorkerAvailability;

/**
 * Random events of which many fail in their middle, as they do without memory. What a fault costs
 * is left open, but each request gets one end, and in time everything goes on.
 */
public class SchedulingFaultsTest {

  private static final int LIVES = 300;
  private static final int EVENTS_OF_ONE_LIFE = 400;
  private static final Duration MILLI = Duration.ofMillis(1);

  @Test
  public void eachRequestHasOneEndWhereverEventsFail() {
    int faults = 0;
    int responses = 0;
    for (long seed = 1; seed <= LIVES; seed++) {
      Life life = new Life(seed);
      try {
        life.run();
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed + ": " + life.policy, e);
      }
      faults += life.faults;
      responses += life.responses;
    }
    assertTrue(faults > LIVES * 10, faults + " faults");
    assertTrue(responses > LIVES * 20, responses + " responses");
  }

  /** Effects for which there is not always memory. */
  private static final class ScarceEffects extends Effects {
    private final Random random;
    boolean scarce = true;

    ScarceEffects(Random random) {
      this.random = random;
    }

    @Override
    void act(Effect effect) {
      if (scarce && random.nextInt(8) == 0) {
        throw new OutOfMemoryError("an effect");
      }
      super.act(effect);
    }
  }

  /** The life of one version. */
  private static final class Life extends NoEffect {
    private final Random random;
    final DispatchPolicy policy;
    private final ScarceEffects decided;
    private final VersionScheduler scheduler;
    private final List<ReadyWorker> workers = new ArrayList<>();
    private final List<Batch> sent = new ArrayList<>();
    private final List<QueuedRequest> all = new ArrayList<>();
    private final Map<QueuedRequest, Integer> ends = new HashMap<>();
    private long now = Long.MAX_VALUE - MILLI.toNanos();
    private boolean armed;
    private long armedAt;
    int faults;
    int responses;

    Life(long seed) {
      random = new Random(seed);
      decided = new ScarceEffects(random);
      boolean sideBySide = random.nextInt(4) == 0;
      Optional<SequencePolicy> sequences =
          random.nextBoolean()
              ? Optional.empty()
              : Optional.of(
                  new SequencePolicy(
                      "id",
                      "start",
                      MILLI.multipliedBy(50),
                      Duration.ZERO,
                      4,
                      3,
                      Optional.of("e")));
      policy =
          new DispatchPolicy(
              new VersionId("m", "1.0"),
              new Batching(
                  sideBySide ? 1 : 1 + random.nextInt(3),
                  random.nextBoolean() ? Duration.ZERO : MILLI,
                  false),
              new QueueLimits(1 + random.nextInt(20), false),
              new Timeouts(
                  MILLI.multipliedBy(40),
                  Duration.ofMinutes(2),
                  Duration.ofMinutes(5),
                  random.nextBoolean() ? Duration.ZERO : MILLI.multipliedBy(30)),
              random.nextBoolean(),
              sideBySide ? 3 : 0,
              sequences);
      scheduler = new VersionScheduler(policy, decided);
    }

    void run() {
      event(() -> scheduler.onAvailability(WorkerAvailability.PRESENT, now));
      for (int i = 0; i < EVENTS_OF_ONE_LIFE; i++) {
        step();
      }
      decided.scarce = false;
      goesOn();
      event(() -> scheduler.onShutDown(now));
      List.copyOf(workers).forEach(this::lose);
      for (QueuedRequest request : all) {
        assertEquals(ends.get(request), Integer.valueOf(1), "ends");
      }
    }

    private void step() {
      int before = faults;
      event();
      if (faults > before && random.nextInt(4) == 0) {
        decided.scarce = false;
        waitsForTheRepair();
        decided.scarce = true;
      }
    }

    private void event() {
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3 -> submit();
        case 4 -> pass(random.nextInt(8));
        case 5, 6, 7 -> pick(sent).ifPresent(batch -> respond(batch, random.nextInt(4) > 0));
        case 8 -> pick(sent).ifPresent(this::fail);
        case 9 -> pick(all).ifPresent(one -> event(() -> scheduler.onCancelled(one, now)));
        case 10 -> ready();
        default -> {
          if (random.nextInt(4) == 0) {
            pick(workers).ifPresent(this::lose);
          }
        }
      }
    }

    /** Once there is memory again, workers that respond have done everything before long. */
    private void goesOn() {
      waitsForTheRepair();
      ready();
      for (int i = 0; i < 500 && !scheduler.isIdle(); i++) {
        pass(1);
        while (!sent.isEmpty()) {
          respond(sent.get(0), true);
        }
      }
      assertTrue(scheduler.isIdle(), scheduler.queueLength() + " requests wait in vain");
      for (QueuedRequest request : all) {
        assertTrue(request.hasEnded(), "a request is nowhere");
      }
    }

    /** What a fault has left undone is done without any further event. */
    private void waitsForTheRepair() {
      pass(12);
      if (policy.sequences().isEmpty() && scheduler.queueLength() > 0) {
        assertTrue(workers.stream().noneMatch(ReadyWorker::hasRoom), "waits beside a free worker");
      }
    }

    private void submit() {
      RequestKind kind = random.nextInt(6) == 0 ? RequestKind.DESCRIBE : RequestKind.PREDICT;
      boolean ofSequence = policy.sequences().isPresent() && kind == RequestKind.PREDICT;
      QueuedRequest request =
          new QueuedRequest(
              kind,
              Optional.empty(),
              ofSequence ? "s" + random.nextInt(5) : "",
              now,
              Deadline.of(now, policy.clientTimeout(), Optional.empty()));
      all.add(request);
      try {
        scheduler.onSubmitted(request, now);
      } catch (OutOfMemoryError e) {
        scheduler.onFault(request, e, now);
      }
      carryOut();
    }

    private void respond(Batch batch, boolean last) {
      int item = random.nextInt(batch.size());
      while (batch.openItem(item) == null) {
        item = (item + 1) % batch.size();
      }
      int which = item;
      List<String> ended = policy.sequences().isEmpty() ? List.of() : new FaultyList();
      event(
          () -> {
            Delivery delivery =
                scheduler.onResponse(
                    batch.worker(), batch.id(), which, ResponseHead.EMPTY, "", last, ended, now);
            assertFalse(delivery == Delivery.UNKNOWN);
            responses++;
          });
    }

    /** Names of sequences that cannot always be read to the end. */
    private final class FaultyList extends AbstractList<String> {
      @Override
      public String get(int index) {
        if (decided.scarce && random.nextInt(20) == 0) {
          throw new OutOfMemoryError("a name");
        }
        return "s" + random.nextInt(50);
      }

      @Override
      public int size() {
        return 2;
      }
    }

    private void fail(Batch batch) {
      ServingException why = new ServingException(ErrorKind.PREDICTION_FAILED, "error");
      event(() -> scheduler.onError(batch.worker(), batch.id(), -1, why, "error", now));
    }

    private void ready() {
      if (workers.size() < 3) {
        ReadyWorker worker = new ReadyWorker(policy, now);
        workers.add(worker);
        event(() -> scheduler.onWorkerReady(worker, now));
      }
    }

    private void lose(ReadyWorker worker) {
      workers.remove(worker);
      event(() -> scheduler.onWorkerLost(worker, random.nextBoolean(), now));
    }

    private void pass(int millis) {
      long target = now + millis * MILLI.toNanos();
      while (armed && armedAt - target <= 0) {
        now = armedAt - now > 0 ? armedAt : now;
        armed = false;
        event(() -> scheduler.onTimer(now));
      }
      now = target;
    }

    private void event(Runnable event) {
      try {
        event.run();
      } catch (OutOfMemoryError e) {
        scheduler.onFault(e, now);
      }
      carryOut();
    }

    private void carryOut() {
      while (decided.carryOutNext(this)) {
        // Until there are no more.
      }
      for (ReadyWorker worker : workers) {
        assertTrue(worker.open().stream().noneMatch(Batch::isDone), "a batch that is done");
      }
      sent.removeIf(batch -> batch.isDone() || batch.worker().isLost());
      for (QueuedRequest request : all) {
        assertEquals(ends.containsKey(request), request.hasEnded(), "an end is told at once");
        assertFalse(request.queued && request.hasEnded(), "waits after its end");
      }
    }

    @Override
    public void send(Batch batch) {
      assertTrue(batch.beginSending());
      sent.add(batch);
    }

    @Override
    public void complete(QueuedRequest request, ResponseHead head, Object body) {
      end(request);
    }

    @Override
    public void endStream(QueuedRequest request, ResponseHead head, Object body) {
      end(request);
    }

    @Override
    public void fail(QueuedRequest request, ServingException why) {
      end(request);
    }

    @Override
    public void reject(QueuedRequest request, ServingException why) {
      end(request);
    }

    @Override
    public void endSilently(QueuedRequest request) {
      end(request);
    }

    @Override
    public void silent(ReadyWorker worker) {
      workers.remove(worker);
    }

    @Override
    public void fault(Throwable fault) {
      assertTrue(fault instanceof OutOfMemoryError, "thrown: " + fault);
      faults++;
    }

    @Override
    public void armTimer(long atNanos) {
      armed = true;
      armedAt = atNanos;
    }

    @Override
    public void disarmTimer() {
      armed = false;
    }

    private void end(QueuedRequest request) {
      assertEquals(ends.merge(request, 1, Integer::sum), Integer.valueOf(1), "ends");
    }

    private <T> Optional<T> pick(List<T> from) {
      return from.isEmpty() ? Optional.empty() : Optional.of(from.get(random.nextInt(from.size())));
    }
  }
}
