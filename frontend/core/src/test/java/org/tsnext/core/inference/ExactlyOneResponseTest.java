package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.model.ModelChangeListener;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeModelSource;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorkerStarter;
import org.tsnext.core.testing.Requests;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.TimerThread;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.WorkerUsage;

/**
 * Real threads, real time, workers that die at random, stream, fail, talk nonsense or hang, clients
 * that leave, deadlines that pass and versions that take each other's place: every request that is
 * not cancelled ends exactly once, on one thread at a time, and no buffer is lost.
 */
public class ExactlyOneResponseTest {

  private static final int REQUESTS = 4000;
  private static final int CLIENTS = 4;

  @DataProvider
  public Object[][] models() {
    return new Object[][] {
      {"single", 1L, new Configs(), false},
      {"batched", 2L, new Configs().batch(4, Duration.ofMillis(1)), false},
      {"async", 3L, new Configs().asyncCommunication(), false},
      {"concurrent", 6L, new Configs().concurrency(3), false},
      {"limited", 4L, new Configs().batch(3, Duration.ofMillis(1)).clientTimeout(MILLIS_20), false},
      {"swapped", 5L, new Configs(), true},
    };
  }

  private static final Duration MILLIS_20 = Duration.ofMillis(20);

  @Test(dataProvider = "models", timeOut = 120_000)
  public void everyRequestEndsExactlyOnce(String name, long seed, Configs configs, boolean swaps)
      throws Exception {
    ModelConfig config =
        configs.responseTimeout(Duration.ofMillis(150)).jobQueueSize(REQUESTS).build();
    ExecutorService pool = Executors.newCachedThreadPool();
    Requests requests = new Requests();
    FakeWorkerStarter starter = new FakeWorkerStarter();
    List<CheckingSink> sinks = new ArrayList<>();
    AtomicInteger deaths = new AtomicInteger();
    AtomicInteger swapped = new AtomicInteger();
    AtomicBoolean over = new AtomicBoolean(!swaps);
    try (TimerThread timer = new TimerThread("test-timer");
        ServingCore core = core(starter, config, timer, pool)) {
      starter.onStart(worker -> new Script(worker, seed, deaths, pool).start());
      core.models()
          .register(CoreFixture.registration("1.0.mar", OptionalInt.of(3), true, false))
          .join();
      Future<?> swapper = pool.submit(() -> swapVersions(core, over, swapped));
      List<Future<List<CheckingSink>>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        long own = seed * 100 + i;
        clients.add(pool.submit(() -> submitAll(core, requests, new Random(own))));
      }
      for (Future<List<CheckingSink>> client : clients) {
        sinks.addAll(client.get());
      }
      over.set(true);
      swapper.get();
      for (CheckingSink sink : sinks) {
        if (!sink.cancelled) {
          assertTrue(sink.ended.await(60, TimeUnit.SECONDS), "no end within a minute");
        }
      }
    }
    pool.shutdown();
    assertTrue(pool.awaitTermination(30, TimeUnit.SECONDS));
    Map<String, Integer> outcomes = new TreeMap<>();
    for (CheckingSink sink : sinks) {
      assertTrue(sink.faults.isEmpty(), sink.faults.toString());
      assertTrue(sink.ends.get() == 1 || (sink.cancelled && sink.ends.get() == 0));
      outcomes.merge(sink.outcome, 1, Integer::sum);
    }
    assertEquals(sinks.size(), REQUESTS);
    // The timer's thread may still be on its way out of a write.
    for (int i = 0; i < 1000 && requests.unreleased() > 0; i++) {
      Thread.sleep(5);
    }
    assertEquals(requests.unreleased(), 0, "requests not released");
    assertTrue(outcomes.getOrDefault("answer", 0) > REQUESTS / 4, outcomes.toString());
    assertTrue(deaths.get() > 2, name + ": workers died");
    assertTrue(!swaps || swapped.get() > 1, swapped + " swaps");
    assertFalse(outcomes.containsKey("MODEL_GOING_AWAY"), outcomes.toString());
    assertFalse(outcomes.containsKey("MODEL_NOT_FOUND"), outcomes.toString());
  }

  /** One version after the other takes the place of the one before. */
  private static void swapVersions(ServingCore core, AtomicBoolean over, AtomicInteger swapped) {
    String old = "1.0";
    while (!over.get()) {
      String next = old.equals("1.0") ? "2.0" : "1.0";
      try {
        core.models()
            .register(CoreFixture.registration(next + ".mar", OptionalInt.of(3), true, false))
            .join();
      } catch (CompletionException e) {
        continue; // One of its workers died before all of them were up.
      }
      core.models().setDefault("m", next);
      core.models().unregister("m", Optional.of(old)).join();
      old = next;
      swapped.incrementAndGet();
    }
  }

  private static List<CheckingSink> submitAll(ServingCore core, Requests requests, Random random)
      throws InterruptedException {
    List<CheckingSink> sinks = new ArrayList<>();
    for (int i = 0; i < REQUESTS / CLIENTS; i++) {
      CheckingSink sink = new CheckingSink();
      sinks.add(sink);
      RequestKind kind = random.nextInt(10) == 0 ? RequestKind.EXPLAIN : RequestKind.PREDICT;
      InferenceCall call =
          core.inference()
              .submit(requests.request("m", Optional.empty(), kind, "x", Optional.empty()), sink);
      if (random.nextInt(20) == 0) {
        sink.cancelled = true;
        call.cancel();
      }
      if (random.nextInt(8) == 0) {
        Thread.sleep(1);
      }
    }
    return sinks;
  }

  private static ServingCore core(
      FakeWorkerStarter starter, ModelConfig config, TimerThread timer, ExecutorService pool) {
    ServingSettings settings = ServingSettings.defaults(0, 2);
    return new ServingCore(
        settings,
        new ServingCore.ModelFiles(
            new FakeModelSource()
                .add("1.0.mar", "m", "1.0", config)
                .add("2.0.mar", "m", "2.0", config),
            new ModelEnvironment() {
              @Override
              public Prepared prepare(
                  String modelName, ModelArchive archive, Consumer<String> progress) {
                return Prepared.NOTHING;
              }

              @Override
              public void release(Prepared prepared) {}
            }),
        new ServingCore.WorkerProcesses(starter, WorkerUsage.UNKNOWN),
        new ServingCore.Execution(Clock.system(), timer, pool),
        CoreFixture.serverMetrics(new MetricRegistry(100)),
        ModelChangeListener.NONE);
  }

  /** One worker's behaviour: a single thread, as a real connection has. */
  private static final class Script {
    private final FakeWorker worker;
    private final Random random;
    private final AtomicInteger deaths;
    private final ExecutorService pool;
    private final ConcurrentLinkedQueue<FakeWorker.SentBatch> inbox = new ConcurrentLinkedQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private int served;

    Script(FakeWorker worker, long seed, AtomicInteger deaths, ExecutorService pool) {
      this.worker = worker;
      this.random = new Random(seed + worker.pid());
      this.deaths = deaths;
      this.pool = pool;
    }

    void start() {
      worker.onSend(
          batch -> {
            inbox.add(batch);
            if (pending.getAndIncrement() == 0) {
              pool.execute(this::run);
            }
          });
      pool.execute(worker::load);
    }

    private void run() {
      do {
        serve(inbox.poll());
      } while (pending.decrementAndGet() != 0);
    }

    private void serve(FakeWorker.SentBatch batch) {
      int fate = random.nextInt(400);
      served++;
      if (worker.hasExited()) {
        return;
      }
      if (fate == 0 && served > 10) {
        deaths.incrementAndGet();
        worker.die();
      } else if (fate == 1 && served > 10) {
        // Hangs: the response timeout ends it.
        deaths.incrementAndGet();
      } else if (fate < 20) {
        worker.error(batch.id(), -1, 503, "Prediction failed", "");
      } else if (fate < 60) {
        for (int item = 0; item < batch.size(); item++) {
          worker.chunk(batch.id(), item, "piece");
        }
        batch.respondToAll("last");
      } else {
        batch.respondToAll("answer");
        if (fate < 80) {
          batch.respondToAll("again");
          worker.error(batch.id(), -1, 500, "again", "");
        }
      }
    }
  }

  private static final class CheckingSink implements ResponseSink {
    final AtomicInteger ends = new AtomicInteger();
    final CountDownLatch ended = new CountDownLatch(1);
    final ConcurrentLinkedQueue<String> faults = new ConcurrentLinkedQueue<>();
    private final AtomicInteger inside = new AtomicInteger();
    volatile boolean cancelled;
    volatile String outcome = "cancelled";
    private final AtomicInteger chunks = new AtomicInteger();

    @Override
    public void complete(ResponseHead head, ByteBuf body) {
      enter();
      if (chunks.get() > 0) {
        faults.add("plain answer after chunks");
      }
      body.release();
      end("answer");
    }

    @Override
    public void chunk(ResponseHead head, ByteBuf body) {
      enter();
      chunks.incrementAndGet();
      body.release();
      inside.decrementAndGet();
    }

    @Override
    public void end(ByteBuf body) {
      enter();
      if (chunks.get() == 0) {
        faults.add("end of a stream that did not begin");
      }
      body.release();
      end("stream");
    }

    @Override
    public void fail(ServingException error) {
      enter();
      end(error.kind().name());
    }

    private void enter() {
      if (inside.getAndIncrement() != 0) {
        faults.add("two threads at once");
      }
      if (ends.get() > 0) {
        faults.add("called after the end");
      }
    }

    private void end(String how) {
      outcome = how;
      ends.incrementAndGet();
      inside.decrementAndGet();
      ended.countDown();
    }
  }
}
