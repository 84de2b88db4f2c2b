package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
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
 * Several workers with steady handlers, which now and then take long: batches are sent ahead to
 * them, and withdrawn. Each worker has two connections, and what is on the way by the one may come
 * before or after what is on the way by the other. Held against {@link NaiveModel}; beyond that, no
 * request is run twice.
 */
public class RandomAheadTest {

  private static final int LIVES = Integer.getInteger("tsnext.scheduler.lives", 120);
  private static final int STEPS = 4000;

  @Test
  public void batchesSentAheadAndWithdrawnAreRunOnceWhateverHappensMeanwhile() {
    Map<String, Integer> seen = new HashMap<>();
    for (long seed = 1; seed <= LIVES; seed++) {
      Life life = new Life(seed, seen);
      try {
        life.run();
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed + ", step " + life.step + ", " + life.last, e);
      }
    }
    System.out.println("Sent ahead to one of several workers: " + seen);
    for (String what :
        List.of(
            "ahead",
            "given",
            "begun",
            "response before begun",
            "death while it is asked",
            "death while it is given",
            "cancelled while it is asked",
            "late while it is asked",
            "drained while it is asked",
            "asked before it was read")) {
      assertTrue(seen.getOrDefault(what, 0) >= LIVES / 20, what + " among " + seen);
    }
  }

  /** A worker's side of its two connections. */
  private static final class Peer {
    final Worker worker;
    final Deque<OpenBatch> sent = new ArrayDeque<>();
    final Deque<Integer> asked = new ArrayDeque<>();
    final Deque<Runnable> said = new ArrayDeque<>();
    final Deque<Runnable> answered = new ArrayDeque<>();
    final Set<Integer> withdrawn = new HashSet<>();

    /** Of so many moments, one is that at which it hears, or is heard, by its second connection. */
    final int hears;

    final int isHeard;
    int begun = -1;
    OpenBatch running;
    long until;

    Peer(Worker worker, int hears, int isHeard) {
      this.worker = worker;
      this.hears = hears;
      this.isHeard = isHeard;
    }
  }

  private static final class Life extends NoEffect {
    private final Random random;
    private final Map<String, Integer> seen;
    private final NaiveModel model;
    private final Effects decided = new Effects();
    private final VersionScheduler scheduler;
    private final List<Peer> peers = new ArrayList<>();
    private final List<Request> all = new ArrayList<>();
    private final Map<Request, Integer> runs = new HashMap<>();
    private final int slowness;
    private final long serviceNanos;
    private final boolean busy;
    int step;
    String last = "";

    Life(long seed, Map<String, Integer> seen) {
      this.random = new Random(seed);
      this.seen = seen;
      // Batches of 2.5 to 85 ms: all that are sent ahead.
      this.slowness = random.nextBoolean() ? 1 : 10;
      this.serviceNanos = slowness * (2_500_000L + random.nextInt(6_000_000));
      this.busy = random.nextBoolean();
      boolean late = random.nextBoolean();
      DispatchPolicy policy =
          new DispatchPolicy(
              new VersionId("m", "1.0"),
              new Batching(1 + random.nextInt(2), Duration.ZERO, false),
              new QueueLimits(12, false),
              new Timeouts(
                  Duration.ofMinutes(5),
                  Duration.ofMinutes(2),
                  Duration.ofMinutes(5),
                  late ? Duration.ofNanos(serviceNanos * 3) : Duration.ZERO),
              random.nextInt(4) > 0,
              0,
              Optional.empty());
      model = new NaiveModel(policy, random.nextLong());
      scheduler = new VersionScheduler(policy, decided);
    }

    void run() {
      model.availability(WorkerAvailability.PRESENT);
      scheduler.onAvailability(WorkerAvailability.PRESENT, model.now);
      check();
      for (step = 0; step < STEPS; step++) {
        step();
      }
      model.close(ErrorKind.SHUTTING_DOWN);
      scheduler.onShutDown(model.now);
      check();
      List.copyOf(peers).forEach(this::lose);
      assertEquals(model.live, List.of(), "requests are left");
      for (Request request : all) {
        assertTrue(request.hasEnded() && request.over, request + " has no end");
        assertTrue(
            runs.getOrDefault(request, 0) <= 1 + request.tried, request + " was run too often");
      }
    }

    private void step() {
      pass(random.nextInt(400_000 * slowness));
      List.copyOf(peers).stream()
          .filter(peer -> peer.worker.leaves && peer.worker.has.isEmpty())
          .forEach(this::lose);
      for (Peer peer : List.copyOf(peers)) {
        goOn(peer);
        disturb(peer);
      }
      int inFlight = busy ? 7 : 3;
      if (model.live.size() < inFlight && random.nextInt(3) > 0) {
        submit();
      }
      int choice = random.nextInt(1000);
      if (choice < 4 && !peers.isEmpty()) {
        lose(pick(peers));
      } else if (choice < 6 && !peers.isEmpty()) {
        drain(pick(peers));
      } else if (choice < 40 && !model.live.isEmpty()) {
        cancel(pick(model.live));
      } else if (choice < 100 && peers.size() < 3) {
        ready();
      }
    }

    /** Whether something is on its way, and arrives at this moment, one of {@code of}. */
    private boolean arrives(Deque<?> way, int of) {
      return !way.isEmpty() && random.nextInt(of) == 0;
    }

    /** Something happens to a worker that was asked for a batch, or to what is in that. */
    private void disturb(Peer peer) {
      Optional<OpenBatch> asked =
          peer.worker.has.stream().filter(batch -> batch.withdrawing).findFirst();
      if (asked.isEmpty() || random.nextInt(12) > 0) {
        return;
      }
      switch (random.nextInt(4)) {
        case 0 -> lose(peer);
        case 1 -> drain(peer);
        default -> {
          Request request = asked.get().items[0];
          if (request != null && !request.over) {
            cancel(request);
          }
        }
      }
    }

    private void goOn(Peer peer) {
      if (peer.running != null && model.now - peer.until >= 0) {
        OpenBatch done = peer.running;
        peer.running = null;
        peer.said.add(() -> respond(done));
      }
      if (peer.running == null && arrives(peer.sent, 2)) {
        begin(peer, peer.sent.poll());
      }
      if (arrives(peer.asked, peer.hears)) {
        answer(peer, peer.asked.poll());
      }
      while (arrives(peer.said, 2)) {
        peer.said.poll().run();
      }
      while (arrives(peer.answered, peer.isHeard)) {
        peer.answered.poll().run();
      }
    }

    private void begin(Peer peer, OpenBatch batch) {
      int id = batch.batch.id();
      peer.begun = id;
      if (peer.withdrawn.remove(id)) {
        peer.said.add(() -> withdrawal(batch, true));
        return;
      }
      peer.running = batch;
      int times = random.nextInt(20) > 0 ? 1 : random.nextInt(4) > 0 ? 2 : 20;
      peer.until = model.now + serviceNanos * times + random.nextInt((int) serviceNanos / 20);
      for (Request request : batch.items) {
        if (request != null && !request.over) {
          runs.merge(request, 1, Integer::sum);
        }
      }
    }

    private void answer(Peer peer, int id) {
      boolean given = id > peer.begun;
      OpenBatch batch = ofNumber(peer, id);
      if (given) {
        peer.withdrawn.add(id);
        if (peer.sent.stream().noneMatch(one -> one.batch.id() == id)) {
          throw new AssertionError("it was withdrawn before it was sent");
        }
        if (peer.running == null) {
          note("asked before it was read");
        }
      }
      if (batch != null) {
        peer.answered.add(() -> withdrawal(batch, given));
      }
    }

    private static OpenBatch ofNumber(Peer peer, int id) {
      return peer.worker.has.stream().filter(one -> one.batch.id() == id).findFirst().orElse(null);
    }

    /** The worker has said what becomes of a batch that it was asked for; perhaps not news. */
    private void withdrawal(OpenBatch batch, boolean given) {
      last = given ? "given" : "begun";
      boolean open = batch.worker.has.contains(batch) && batch.withdrawing;
      if (open) {
        note(last);
        model.withdrawal(batch, given);
      } else if (!given && !batch.worker.gone) {
        note("response before begun");
      }
      scheduler.onWithdrawal(batch.worker, batch.batch.id(), given, model.now);
      check();
    }

    private void respond(OpenBatch batch) {
      for (int item = 0; item < batch.items.length; item++) {
        Request request = batch.items[item];
        last = "response to " + request;
        model.onResponse(batch);
        model.finish(batch, item);
        scheduler.onResponse(
            batch.worker,
            batch.batch.id(),
            item,
            ResponseHead.EMPTY,
            "response " + request.number,
            true,
            List.of(),
            model.now);
        check();
      }
    }

    private void submit() {
      Request request =
          new Request(
              all.size(),
              random.nextInt(30) == 0 ? RequestKind.DESCRIBE : RequestKind.PREDICT,
              "",
              model.now,
              Deadline.of(model.now, model.policy.clientTimeout(), Optional.empty()));
      last = "submit " + request;
      all.add(request);
      model.submit(request, false);
      scheduler.onSubmitted(request, model.now);
      check();
    }

    private void cancel(Request request) {
      last = "cancel " + request;
      noteIfAsked(request, "cancelled while it is asked");
      model.leave(request);
      scheduler.onCancelled(request, model.now);
      check();
    }

    private void noteIfAsked(Request request, String what) {
      if (request.at != null && request.at.withdrawing) {
        note(what);
      }
    }

    private void ready() {
      last = "ready";
      Worker worker = new Worker(model.policy, model.now);
      worker.givesBack = random.nextInt(8) > 0;
      peers.add(new Peer(worker, someMoments(), someMoments()));
      model.ready(worker);
      scheduler.onWorkerReady(worker, model.now);
      check();
    }

    private int someMoments() {
      return random.nextInt(3) == 0 ? 60 : 2;
    }

    private void drain(Peer peer) {
      last = "drain";
      if (peer.worker.has.stream().anyMatch(batch -> batch.withdrawing)) {
        note("drained while it is asked");
      }
      model.drain(peer.worker);
      scheduler.onDrain(peer.worker, model.now);
      check();
    }

    /** What a worker said by its first connection is still read, what by the second is not. */
    private void lose(Peer peer) {
      while (!peer.said.isEmpty()) {
        peer.said.poll().run();
      }
      last = "lose";
      if (peer.worker.has.stream().anyMatch(batch -> batch.withdrawing)) {
        note(peer.answered.isEmpty() ? "death while it is asked" : "death while it is given");
      }
      peers.remove(peer);
      model.lose(peer.worker, false, true);
      scheduler.onWorkerLost(peer.worker, true, model.now);
      check();
      peer.answered.forEach(Runnable::run);
    }

    private void pass(long nanos) {
      long target = model.now + nanos;
      while (model.armed && model.armedAt - target <= 0) {
        model.now = model.armedAt - model.now > 0 ? model.armedAt : model.now;
        last = "timer";
        model.timer();
        scheduler.onTimer(model.now);
        check();
      }
      model.now = target;
      last = "nothing";
      check();
    }

    private void check() {
      Effects taken = new Effects();
      taken.takeFrom(decided);
      RecordedEffects recorded = RecordedEffects.of(taken);
      recorded.replay(new Late());
      model.check(recorded, scheduler);
      recorded.replay(this);
    }

    @Override
    public void send(Batch batch) {
      Worker worker = (Worker) batch.worker();
      OpenBatch open =
          worker.has.stream().filter(one -> one.batch == batch).findFirst().orElseThrow();
      assertTrue(batch.beginSending());
      open.written = true;
      if (open.ahead && model.workers.size() > 1) {
        note("ahead");
      }
      of(worker).sent.add(open);
    }

    @Override
    public void withdraw(Batch batch) {
      of((Worker) batch.worker()).asked.add(batch.id());
    }

    private Peer of(Worker worker) {
      return peers.stream().filter(one -> one.worker == worker).findFirst().orElseThrow();
    }

    private void note(String what) {
      seen.merge(what, 1, Integer::sum);
    }

    private <T> T pick(List<T> from) {
      return from.get(random.nextInt(from.size()));
    }

    /** Looks for requests that are late, before the model forgets where they are. */
    private final class Late extends NoEffect {
      @Override
      public void fail(QueuedRequest request, ServingException why) {
        if (why.kind() == ErrorKind.CLIENT_TIMEOUT) {
          noteIfAsked((Request) request, "late while it is asked");
        }
      }
    }
  }
}
