package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.server.metrics.SystemMetrics.Watch;
import org.tsnext.worker.environment.ProcessEnvironment;

public class SystemMetricsTest {
  private static final Duration MINUTE = Duration.ofSeconds(60);

  private ManualTime time;
  private List<HostSample> seen;

  @BeforeMethod
  public void makeTime() {
    time = new ManualTime();
    seen = new ArrayList<>();
  }

  /** Gives the number of its look, unless a test wants a failure. */
  private static final class FakeSource implements HostSource {
    private final boolean measuresChange;
    private int looks;
    private Exception failure;

    FakeSource(boolean measuresChange) {
      this.measuresChange = measuresChange;
    }

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public boolean measuresChange() {
      return measuresChange;
    }

    @Override
    public List<HostSample> read() throws IOException, InterruptedException {
      looks++;
      if (failure instanceof IOException e) {
        throw e;
      }
      if (failure instanceof InterruptedException e) {
        throw e;
      }
      if (failure instanceof RuntimeException e) {
        throw e;
      }
      return List.of(HostSample.of("look", looks));
    }
  }

  private void start(FakeSource source, Duration interval) {
    new SystemMetrics(time, List.of(new Watch(source, interval)), seen::add, new Complaints())
        .start();
    time.runDue();
  }

  @Test
  public void firstLookComesAtOnceAndTheOthersByTheInterval() {
    FakeSource source = new FakeSource(false);
    start(source, MINUTE);
    assertEquals(source.looks, 1);
    time.advance(Duration.ofSeconds(59));
    assertEquals(source.looks, 1);
    time.advance(Duration.ofSeconds(1));
    assertEquals(source.looks, 2);
    time.advance(MINUTE.multipliedBy(3));
    assertEquals(source.looks, 5);
    assertEquals(
        seen, IntStream.rangeClosed(1, 5).mapToObj(i -> HostSample.of("look", i)).toList());
  }

  @Test
  public void whatTakesTwoLooksGetsTheSecondAfterASecond() {
    FakeSource source = new FakeSource(true);
    start(source, MINUTE);
    time.advance(Duration.ofSeconds(1));
    assertEquals(source.looks, 2);
    time.advance(Duration.ofSeconds(59));
    assertEquals(source.looks, 3);
    FakeSource quick = new FakeSource(true);
    start(quick, Duration.ofSeconds(1));
    time.advance(Duration.ofSeconds(1));
    assertEquals(quick.looks, 2);
  }

  @Test
  public void failuresOfAnyKindEndNothing() {
    FakeSource source = new FakeSource(false);
    start(source, MINUTE);
    for (Exception failure :
        List.of(new IOException("gone: x"), new IllegalStateException("bug"), new IOException())) {
      source.failure = failure;
      time.advance(MINUTE);
    }
    source.failure = null;
    time.advance(MINUTE);
    assertEquals(source.looks, 5);
    assertEquals(seen.get(seen.size() - 1), HostSample.of("look", 5));
  }

  @Test
  public void interruptIsKeptForTheThreadThatIsToEnd() {
    FakeSource source = new FakeSource(false);
    source.failure = new InterruptedException();
    start(source, MINUTE);
    assertTrue(Thread.interrupted());
  }

  private static SystemMetricsPlan plan(Duration interval, Optional<String> command, int gpus) {
    return new SystemMetricsPlan(
        interval,
        command,
        "python",
        Path.of("/home"),
        new ProcessEnvironment(Map.of("PATH", ""), Optional.empty(), Set.of()),
        gpus);
  }

  private static Map<String, Duration> watched(SystemMetricsPlan plan, FakeRoot root) {
    return plan.watches(root.path(), List::of, new UsageTable(), new Complaints()).stream()
        .collect(Collectors.toMap(watch -> watch.source().name(), Watch::interval));
  }

  @Test
  public void machineIsLookedAtByTheIntervalAndWorkersMoreOften() throws IOException {
    try (FakeRoot root = new FakeRoot()) {
      root.write("proc/stat", "");
      assertEquals(
          watched(plan(MINUTE, Optional.empty(), 1), root),
          Map.of(
              "CPU time", MINUTE,
              "memory", MINUTE,
              "disk", MINUTE,
              "GPUs", MINUTE,
              "memory of workers", Duration.ofSeconds(5)));
      Duration second = Duration.ofSeconds(1);
      assertEquals(
          watched(plan(second, Optional.empty(), 0), root).get("memory of workers"), second);
      assertEquals(
          watched(plan(MINUTE, Optional.of("x.py"), 1), root),
          Map.of("system_metrics_cmd", MINUTE));
    }
  }

  @Test
  public void machineWithoutProcIsLookedAtByTheJdk() throws Exception {
    try (FakeRoot root = new FakeRoot()) {
      List<Watch> watches =
          plan(MINUTE, Optional.empty(), 0)
              .watches(root.path(), List::of, new UsageTable(), new Complaints());
      List<String> names = watches.get(0).source().read().stream().map(HostSample::name).toList();
      assertTrue(
          names.containsAll(List.of("MemoryUsed", "MemoryAvailable", "MemoryUtilization")),
          names.toString());
    }
  }

  @Test
  public void commandHasTheIntervalAsItsTimeWithinBounds() {
    assertEquals(
        plan(Duration.ofSeconds(1), Optional.empty(), 0).commandTimeout(), Duration.ofSeconds(10));
    assertEquals(
        plan(Duration.ofSeconds(30), Optional.empty(), 0).commandTimeout(), Duration.ofSeconds(30));
    assertEquals(
        plan(Duration.ofSeconds(600), Optional.empty(), 0).commandTimeout(),
        Duration.ofSeconds(60));
  }
}
