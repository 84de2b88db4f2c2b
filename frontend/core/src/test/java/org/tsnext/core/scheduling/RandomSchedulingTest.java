package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.NaiveModel.OpenBatch;
import org.tsnext.core.scheduling.NaiveModel.Request;
import org.tsnext.core.scheduling.NaiveModel.Worker;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.worker.WorkerAvailability;

/**
 * Random events for a scheduler, held against {@link NaiveModel}. {@code
 * -Dtsnext.scheduler.events=10000000} runs more of them, {@code -Dtsnext.scheduler.seed=N} others.
 */
public class RandomSchedulingTest {

  private static final long EVENTS = Long.getLong("tsnext.scheduler.events", 300_000);
  private static final long SEED = Long.getLong("tsnext.scheduler.seed", 1);
  private static final int EVENTS_OF_ONE_LIFE = 1000;

  /**
   * A step of time, long enough for windows of several batches and short enough for them to vary.
   */
  private static final long STEP = 200_000;

  @Test
  public void whateverHappensThePromisesHold() {
    System.out.println("Scheduler: " + EVENTS + " random events, seeds from " + SEED);
    long seed = SEED;
    int ends = 0;
    for (long events = 0; events < EVENTS; events += EVENTS_OF_ONE_LIFE, seed++) {
      Life life = new Life(seed);
      try {
        life.run();
      } catch (Throwable e) {
        throw new AssertionError(
            "seed " + seed + ", event " + life.event + " (" + life.last + "): " + life.model.policy,
            e);
      }
      ends += life.model.ends;
    }
    assertTrue(ends > EVENTS / 20, ends + " requests ended");
  }

  /** The life of one version. */
  private static final class Life {
    private final Random random;
    private final NaiveModel model;
    private final Effects decided = new Effects();
    private final Effects taken = new Effects();
    private final VersionScheduler scheduler;
    private final List<Request> all = new ArrayList<>();
    private int event;
    private String last = "";

    Life(long seed) {
      random = new Random(seed);
      DispatchPolicy policy = policy();
      // Clocks may start anywhere, and pass the largest number.
      long start = random.nextBoolean() ? random.nextLong() : Long.MAX_VALUE - STEP * 100;
      model = new NaiveModel(policy, start);
      scheduler = new VersionScheduler(policy, decided);
    }

    private DispatchPolicy policy() {
      int sideBySide = random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 0;
      Optional<SequencePolicy> sequences = Optional.empty();
      if (random.nextInt(3) == 0) {
        sequences =
            Optional.of(
                new SequencePolicy(
                    "id",
                    "start",
                    steps(5 + random.nextInt(40)),
                    random.nextBoolean() ? Duration.ZERO : steps(20 + random.nextInt(80)),
                    1 + random.nextInt(5),
                    1 + random.nextInt(4),
                    random.nextBoolean() ? Optional.of("end") : Optional.empty()));
      }
      return new DispatchPolicy(
          new VersionId("m", "1.0"),
          new Batching(
              sideBySide > 0 ? 1 : 1 + random.nextInt(4),
              random.nextBoolean() ? Duration.ZERO : steps(random.nextInt(8)),
              random.nextInt(5) == 0),
          new QueueLimits(1 + random.nextInt(12), random.nextInt(6) == 0),
          new Timeouts(
              steps(10 + random.nextInt(60)),
              Duration.ofMinutes(2),
              Duration.ofMinutes(5),
              random.nextBoolean() ? Duration.ZERO : steps(5 + random.nextInt(60))),
          random.nextInt(3) > 0,
          sideBySide,
          sequences);
    }

    void run() {
      availability(WorkerAvailability.PRESENT);
      for (event = 0; event < EVENTS_OF_ONE_LIFE; event++) {
        step();
      }
      end();
    }

    private void step() {
      int choice = random.nextInt(100);
      if (choice < 35) {
        submit(choice == 0);
      } else if (choice < 50) {
        advance(random.nextInt(6));
      } else if (choice < 78) {
        someBatch(choice < 75).ifPresent(batch -> respond(batch, choice > 72));
      } else if (choice < 83) {
        someBatch(true).ifPresent(this::failItems);
      } else if (choice < 85) {
        nonsense();
      } else if (choice < 91) {
        cancel();
      } else if (choice == 91) {
        withdrawing().ifPresent(batch -> answer(batch, random.nextBoolean()));
      } else if (choice < 94) {
        ready();
      } else if (choice < 96) {
        someWorker().ifPresent(this::lose);
      } else if (choice == 96) {
        someWorker().ifPresent(this::drain);
      } else if (choice == 97) {
        unsent().ifPresent(this::sendFails);
      } else {
        availability(
            random.nextInt(4) > 0
                ? WorkerAvailability.PRESENT
                : List.of(
                        WorkerAvailability.NONE,
                        WorkerAvailability.failed("why"),
                        WorkerAvailability.loadFailed("why", OptionalLong.of(model.now + 1)))
                    .get(random.nextInt(3)));
      }
      // Most batches are written at once, some only after what comes next.
      model.workers.forEach(
          worker -> worker.has.forEach(batch -> write(batch, random.nextInt(8) > 0)));
      model.lost.clear();
    }

    private void submit(boolean takenOver) {
      last = "submit";
      int kind = random.nextInt(12);
      RequestKind what =
          kind == 0 ? RequestKind.DESCRIBE : kind < 3 ? RequestKind.EXPLAIN : RequestKind.PREDICT;
      boolean ofSequence = model.policy.sequences().isPresent() && what != RequestKind.DESCRIBE;
      Optional<Duration> own =
          random.nextInt(4) == 0 ? Optional.of(steps(random.nextInt(20))) : Optional.empty();
      Request request =
          new Request(
              all.size(),
              what,
              ofSequence ? "s" + random.nextInt(7) : "",
              model.now,
              Deadline.of(model.now, model.policy.clientTimeout(), own));
      all.add(request);
      model.submit(request, takenOver);
      if (takenOver) {
        Request from = new Request(-1, what, "", model.now, Deadline.NEVER);
        from.lostWorkers = random.nextInt(2);
        request.tried = from.lostWorkers;
        if (request.tried > 0 && !model.policy.retryOnWorkerDeath()) {
          from.lostWorkers = 0;
          request.tried = 0;
        }
        scheduler.onTakenOver(request, from, model.now);
      } else {
        scheduler.onSubmitted(request, model.now);
      }
      check();
    }

    /** Lets time pass, with the timer at its own moments. */
    private void advance(int steps) {
      long target = model.now + steps * STEP + random.nextInt((int) STEP);
      while (model.armed && model.armedAt - target <= 0) {
        model.now = model.armedAt - model.now > 0 ? model.armedAt : model.now;
        fire();
      }
      model.now = target;
      last = "nothing";
      check();
    }

    private void fire() {
      last = "timer";
      model.timer();
      scheduler.onTimer(model.now);
      check();
    }

    private void respond(OpenBatch batch, boolean chunk) {
      int item = someItem(batch);
      Request request = batch.items[item];
      last = (chunk ? "chunk of " : "response to ") + request;
      List<String> ended = endedSequences();
      model.onResponse(batch);
      model.endSequences(request, ended);
      boolean wanted = !request.over;
      if (chunk) {
        request.begun = true;
      } else {
        model.finish(batch, item);
      }
      Delivery delivery =
          scheduler.onResponse(
              batch.worker,
              batch.batch.id(),
              item,
              ResponseHead.EMPTY,
              "response " + request.number,
              !chunk,
              ended,
              model.now);
      assertEquals(delivery, wanted ? Delivery.DELIVERED : Delivery.DROPPED);
      check();
      assertEquals(request.over, !chunk || !wanted);
    }

    private void failItems(OpenBatch batch) {
      int item = random.nextBoolean() ? -1 : someItem(batch);
      last = "error of item " + item;
      model.onResponse(batch);
      finishItems(batch, item, ErrorKind.PREDICTION_FAILED);
      ServingException why = error(ErrorKind.PREDICTION_FAILED);
      int id = batch.batch.id();
      assertTrue(scheduler.onError(batch.worker, id, item, why, "error " + id, model.now));
      check();
      assertEquals(model.failures, List.of("error " + id));
      model.failures.clear();
    }

    private void finishItems(OpenBatch batch, int item, ErrorKind why) {
      for (int i = 0; i < batch.items.length; i++) {
        Request request = batch.items[i];
        if (request != null && (item == -1 || item == i) && model.finish(batch, i)) {
          model.mustFail(request, why);
        }
      }
    }

    private void nonsense() {
      last = "nonsense";
      Optional<OpenBatch> some = someBatch(true);
      if (some.isEmpty()) {
        return;
      }
      OpenBatch batch = some.get();
      boolean unknownBatch = random.nextBoolean();
      int id = unknownBatch ? -7 : batch.batch.id();
      if (!unknownBatch) {
        model.onResponse(batch);
      }
      int item = batch.items.length + random.nextInt(3);
      ServingException why = error(ErrorKind.INTERNAL);
      assertFalse(scheduler.onError(batch.worker, id, item, why, "error", model.now));
      assertEquals(
          scheduler.onResponse(
              batch.worker, id, item, ResponseHead.EMPTY, "", true, List.of("s1"), model.now),
          Delivery.UNKNOWN);
      check();
    }

    private void cancel() {
      if (!all.isEmpty()) {
        List<Request> from = random.nextInt(4) == 0 ? all : model.live;
        if (!from.isEmpty()) {
          Request request = from.get(random.nextInt(from.size()));
          last = "cancel " + request;
          model.leave(request);
          scheduler.onCancelled(request, model.now);
          check();
        }
      }
    }

    private void ready() {
      if (model.workers.size() < 4) {
        last = "ready";
        Worker worker = new Worker(model.policy, model.now);
        worker.givesBack = random.nextBoolean();
        if (random.nextInt(10) == 0) {
          scheduler.onWorkerLost(worker, true, model.now);
          worker.gone = true;
        } else {
          model.ready(worker);
        }
        scheduler.onWorkerReady(worker, model.now);
        check();
      }
    }

    private void answer(OpenBatch batch, boolean given) {
      last = given ? "withdrawn" : "begun";
      model.withdrawal(batch, given);
      scheduler.onWithdrawal(batch.worker, batch.batch.id(), given, model.now);
      check();
    }

    private void lose(Worker worker) {
      last = "lost";
      List<OpenBatch> had = List.copyOf(worker.has);
      boolean begun = random.nextInt(4) > 0;
      model.lose(worker, false, begun);
      scheduler.onWorkerLost(worker, begun, model.now);
      check();
      scheduler.onWorkerLost(worker, true, model.now);
      check();
      had.stream()
          .filter(batch -> !batch.written)
          .forEach(batch -> assertFalse(batch.batch.beginSending(), "is sent to a lost worker"));
    }

    private void drain(Worker worker) {
      last = "drain";
      model.drain(worker);
      scheduler.onDrain(worker, model.now);
      check();
    }

    private void sendFails(OpenBatch batch) {
      last = "send failed";
      assertTrue(batch.batch.beginSending());
      finishItems(batch, -1, ErrorKind.INTERNAL);
      scheduler.onSendFailed(batch.batch, error(ErrorKind.INTERNAL), model.now);
      check();
    }

    private void availability(WorkerAvailability next) {
      last = "availability " + next;
      model.availability(next);
      scheduler.onAvailability(next, model.now);
      check();
    }

    /** Closes the version, and lets its workers finish or lose what they have. */
    private void end() {
      last = "close";
      boolean down = random.nextBoolean();
      model.close(down ? ErrorKind.SHUTTING_DOWN : ErrorKind.MODEL_GOING_AWAY);
      if (down) {
        scheduler.onShutDown(model.now);
      } else {
        scheduler.onUnregistered(model.now);
      }
      check();
      submit(false);
      for (Worker worker : List.copyOf(model.workers)) {
        drain(worker);
      }
      while (random.nextInt(5) > 0) {
        someBatch(true).ifPresent(batch -> respond(batch, false));
      }
      for (Worker worker : List.copyOf(model.workers)) {
        lose(worker);
        assertTrue(worker.reported, "never said to be drained");
      }
      assertFalse(model.armed, "a timer is left");
      assertEquals(model.live, List.of(), "requests are left");
      assertTrue(scheduler.isIdle());
      for (Request request : all) {
        assertTrue(request.hasEnded() && request.over, request + " has no end");
        assertTrue(request.batch == null && !request.queued, request + " is somewhere");
        assertEquals(request.deadlineIndex, -1, request + " has a deadline");
      }
    }

    private void check() {
      taken.takeFrom(decided);
      model.check(RecordedEffects.of(taken), scheduler);
    }

    private static void write(OpenBatch batch, boolean now) {
      if (!batch.written && now) {
        assertTrue(batch.batch.beginSending());
        batch.written = true;
      }
    }

    private Optional<OpenBatch> someBatch(boolean any) {
      List<OpenBatch> open = new ArrayList<>();
      for (Worker worker : model.workers) {
        for (OpenBatch batch : worker.has) {
          if (batch.written && (any || open.isEmpty())) {
            open.add(batch);
          }
        }
      }
      return pick(open);
    }

    private Optional<OpenBatch> withdrawing() {
      List<OpenBatch> open = new ArrayList<>();
      model.workers.forEach(
          worker -> worker.has.stream().filter(batch -> batch.withdrawing).forEach(open::add));
      return pick(open);
    }

    private Optional<OpenBatch> unsent() {
      List<OpenBatch> open = new ArrayList<>();
      model.workers.forEach(
          worker -> worker.has.stream().filter(batch -> !batch.written).forEach(open::add));
      return pick(open);
    }

    private Optional<Worker> someWorker() {
      return pick(model.workers);
    }

    private int someItem(OpenBatch batch) {
      int item = random.nextInt(batch.items.length);
      while (batch.items[item] == null) {
        item = (item + 1) % batch.items.length;
      }
      return item;
    }

    private List<String> endedSequences() {
      boolean may =
          model.policy.sequences().flatMap(SequencePolicy::endHeader).isPresent()
              && random.nextInt(6) == 0;
      return may ? List.of("s" + random.nextInt(7), "s" + random.nextInt(7)) : List.of();
    }

    private <T> Optional<T> pick(List<T> from) {
      return from.isEmpty() ? Optional.empty() : Optional.of(from.get(random.nextInt(from.size())));
    }

    private static ServingException error(ErrorKind kind) {
      return new ServingException(kind, "error");
    }

    private static Duration steps(int count) {
      return Duration.ofNanos(count * STEP);
    }
  }
}
