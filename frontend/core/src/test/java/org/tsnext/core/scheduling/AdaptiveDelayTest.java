package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;

/** The delay that is learned: alone, and in a simulated server beside one that never waits. */
public class AdaptiveDelayTest {

  private static final int BATCH = 8;
  private static final long MILLI = 1_000_000;

  @Test
  public void nothingIsWaitedForBeforeAnythingIsKnown() {
    AdaptiveDelay delay = new AdaptiveDelay(BATCH);
    assertEquals(delay.leaveAt(90, 1, true, 100), 100);
    assertEquals(delay.current(), Duration.ZERO);
  }

  @Test
  public void waitsForCompanionsThatComeAtOnce() {
    AdaptiveDelay delay = new AdaptiveDelay(BATCH);
    long now = batches(delay, 0, 40, 7, MILLI / 10);
    long wait = delay.leaveAt(now, 1, true, now) - now;
    assertTrue(wait >= 7 * MILLI / 10 && wait <= 2 * MILLI, "waits " + wait + " ns");
  }

  @Test
  public void forgetsWhenCompanionsNoLongerCome() {
    AdaptiveDelay delay = new AdaptiveDelay(BATCH);
    long now = batches(delay, 0, 200, 7, MILLI / 10);
    assertTrue(delay.current().toNanos() > 0);
    batches(delay, now, 300, 0, 0);
    assertEquals(delay.current(), Duration.ZERO);
  }

  @Test
  public void idleWorkersMakeItWaitForAtMostATenthOfTheShortestServiceTime() {
    AdaptiveDelay delay = new AdaptiveDelay(BATCH);
    long now = 0;
    for (int i = 0; i < 100; i++) {
      now = batches(delay, now, 1, 7, MILLI / 100);
      delay.served(i % 10 == 0 ? 2 * MILLI : 10 * MILLI);
      now += 100 * MILLI;
    }
    long wait = delay.current().toNanos();
    assertTrue(wait > 0 && wait <= 2 * MILLI * 0.12, "waits " + wait + " ns");
  }

  @Test
  public void noRequestWaitsWhileAnotherWorkerIsFree() {
    AdaptiveDelay delay = new AdaptiveDelay(BATCH);
    long now = batches(delay, 0, 40, 7, MILLI / 10);
    assertEquals(delay.leaveAt(now, 1, false, now), now);
  }

  /** Batches of 10 ms that could leave with one request, whose companions come one gap apart. */
  private static long batches(
      AdaptiveDelay delay, long start, int count, int companions, long gap) {
    long now = start;
    for (int i = 0; i < count; i++) {
      delay.arrived(now);
      delay.leaveAt(now, 1, true, now);
      for (int k = 1; k <= companions; k++) {
        delay.arrived(now + k * gap);
      }
      delay.left();
      now += 10 * MILLI;
      delay.served(10 * MILLI);
    }
    return now;
  }

  @DataProvider
  public Object[][] lowLoads() {
    return new Object[][] {{0.05, 1}, {0.2, 1}, {0.4, 1}, {0.1, 4}, {0.2, 8}};
  }

  /** Poisson arrivals, alone or in bursts, of so many requests per service time. */
  @Test(dataProvider = "lowLoads")
  public void atLowLoadItIsNeverWorseThanNoDelayByATenth(double load, int burst) {
    long none = run(false, simulation -> simulation.open(load, burst, 4000)).p99();
    long adaptive = run(true, simulation -> simulation.open(load, burst, 4000)).p99();
    assertTrue(adaptive <= none * 1.1, "p99 " + adaptive + " ns, without delay " + none + " ns");
  }

  @Test
  public void atHighLoadOfIndependentRequestsItIsNotWorseEither() {
    long none = run(false, simulation -> simulation.open(1.5, 1, 8000)).p99();
    long adaptive = run(true, simulation -> simulation.open(1.5, 1, 8000)).p99();
    assertTrue(adaptive <= none * 1.1, "p99 " + adaptive + " ns, without delay " + none + " ns");
  }

  /** Clients that ask again when they are answered: without a delay, 1 and 7 take turns. */
  @Test
  public void clientsThatAskTogetherAreServedTogether() {
    Simulation none = run(false, simulation -> simulation.closed(BATCH, 4000));
    Simulation adaptive = run(true, simulation -> simulation.closed(BATCH, 4000));
    assertTrue(
        adaptive.elapsed() < none.elapsed() * 0.75,
        adaptive.elapsed() + " ns, without delay " + none.elapsed() + " ns");
    assertTrue(adaptive.p99() <= none.p99());
  }

  private interface Load {
    void apply(Simulation simulation);
  }

  private static Simulation run(boolean adaptive, Load load) {
    Simulation simulation = new Simulation(adaptive);
    load.apply(simulation);
    simulation.fixture.closeAndCheck();
    return simulation;
  }

  /** One worker whose batches take 4 ms and 0.25 ms per request, in a core on a fake clock. */
  private static final class Simulation {

    private static final long SERVICE = 4 * MILLI;
    private static final long PER_ITEM = MILLI / 4;

    private final CoreFixture fixture = new CoreFixture();
    private final Random random = new Random(11);
    private final List<Long> latencies = new ArrayList<>();
    private long elapsed;

    Simulation(boolean adaptive) {
      Configs config =
          adaptive ? new Configs().adaptiveBatch(BATCH) : new Configs().batch(BATCH, Duration.ZERO);
      FakeWorker worker = fixture.serve(1, config.jobQueueSize(10_000).build()).get(0);
      worker.onSend(
          batch -> {
            Duration service = Duration.ofNanos(SERVICE + batch.size() * PER_ITEM);
            fixture.time().schedule(service, () -> batch.respondToAll("ok"));
          });
    }

    void open(double perServiceTime, int burst, int count) {
      double gap = (SERVICE + PER_ITEM) * burst / perServiceTime;
      for (int i = 0; i < count; i += burst) {
        fixture.advance(Duration.ofNanos((long) (-Math.log(1 - random.nextDouble()) * gap)));
        for (int k = 0; k < burst; k++) {
          ask(() -> {});
          fixture.advance(Duration.ofNanos(20_000));
        }
      }
      fixture.advance(Duration.ofSeconds(100));
      assertEquals(latencies.size(), count);
    }

    void closed(int clients, int count) {
      long start = fixture.time().nanoTime();
      for (int i = 0; i < clients; i++) {
        again(count);
      }
      while (latencies.size() < count) {
        fixture.advance(Duration.ofNanos(MILLI));
      }
      elapsed = fixture.time().nanoTime() - start;
      fixture.advance(Duration.ofSeconds(1));
    }

    private void again(int count) {
      if (latencies.size() < count) {
        long think = 50_000L + random.nextInt(300_000);
        fixture.time().schedule(Duration.ofNanos(think), () -> ask(() -> again(count)));
      }
    }

    private void ask(Runnable then) {
      long asked = fixture.time().nanoTime();
      InferenceCall unused =
          fixture
              .core()
              .inference()
              .submit(
                  fixture.requests().predict("m", "x"),
                  new Responded(
                      () -> {
                        latencies.add(fixture.time().nanoTime() - asked);
                        then.run();
                      }));
    }

    long elapsed() {
      return elapsed;
    }

    long p99() {
      List<Long> sorted = new ArrayList<>(latencies);
      Collections.sort(sorted);
      return sorted.get(sorted.size() * 99 / 100);
    }
  }

  /** Tells that a plain answer has come. */
  private record Responded(Runnable then) implements ResponseSink {
    @Override
    public void complete(ResponseHead head, ByteBuf body) {
      body.release();
      then.run();
    }

    @Override
    public void chunk(ResponseHead head, ByteBuf body) {
      throw new AssertionError("a chunk");
    }

    @Override
    public void end(ByteBuf body) {
      throw new AssertionError("the end of a stream");
    }

    @Override
    public void fail(ServingException error) {
      throw new AssertionError(error);
    }
  }
}
