package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.time.Scheduler;

/**
 * Looks at the machine and the workers again and again, on a thread of its own, since a look may
 * block. What fails is told, and tried again the next time.
 */
public final class SystemMetrics {
  /** After the first look, for what takes two to be measured. */
  private static final Duration SECOND_LOOK = Duration.ofSeconds(1);

  private final Scheduler scheduler;
  private final List<Watch> watches;
  private final Consumer<HostSample> sink;
  private final Complaints complaints;

  /** A source, and how often it is looked at. */
  record Watch(HostSource source, Duration interval) {}

  /**
   * @param scheduler may be blocked
   * @param sink takes what is seen
   */
  SystemMetrics(
      Scheduler scheduler, List<Watch> watches, Consumer<HostSample> sink, Complaints complaints) {
    this.scheduler = scheduler;
    this.watches = List.copyOf(watches);
    this.sink = sink;
    this.complaints = complaints;
  }

  /**
   * As planned, for this machine.
   *
   * @param scheduler may be blocked
   * @param workerPids of the workers, whenever it is asked
   * @param usage learns what workers use
   * @param metrics takes what is seen of the machine
   */
  public static SystemMetrics of(
      SystemMetricsPlan plan,
      Scheduler scheduler,
      Supplier<List<Long>> workerPids,
      UsageTable usage,
      ServerMetrics metrics) {
    Complaints complaints = new Complaints();
    return new SystemMetrics(
        scheduler,
        plan.watches(Path.of("/"), workerPids, usage, complaints),
        new DeclaredSamples(metrics.ofMachine(), metrics.host(), complaints),
        complaints);
  }

  /** Begins at once; ends with the scheduler. */
  public void start() {
    for (Watch watch : watches) {
      repeat(Duration.ZERO, watch);
      if (watch.source().measuresChange() && SECOND_LOOK.compareTo(watch.interval()) < 0) {
        scheduler.schedule(SECOND_LOOK, () -> look(watch.source()));
      }
    }
  }

  private void repeat(Duration delay, Watch watch) {
    scheduler.schedule(
        delay,
        () -> {
          repeat(watch.interval(), watch);
          look(watch.source());
        });
  }

  private void look(HostSource source) {
    try {
      source.read().forEach(sink);
    } catch (IOException e) {
      boolean inWords = e.getMessage() != null && !(e instanceof FileSystemException);
      complaints.about(source.name(), inWords ? e.getMessage() : e.toString());
    } catch (RuntimeException e) {
      complaints.about(source.name(), e.toString());
    } catch (InterruptedException e) {
      // The server is going down.
      Thread.currentThread().interrupt();
    }
  }
}
