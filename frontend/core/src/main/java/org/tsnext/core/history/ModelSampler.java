package org.tsnext.core.history;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.time.Scheduler.Scheduled;

/**
 * Looks at all models every other second, and keeps what it saw for a quarter of an hour, in fixed
 * memory: {@link #MAX_VERSIONS} versions have a history. However many people look, it looks once.
 * Thread-safe.
 */
public final class ModelSampler implements AutoCloseable {

  /** How often it looks. */
  public static final Duration PERIOD = Duration.ofSeconds(2);

  /** Over how long a figure looks back. */
  public static final Duration WINDOW = Duration.ofSeconds(10);

  /** How long a history is. */
  public static final Duration KEPT = Duration.ofMinutes(15);

  /** Versions that have a history; of others only what is now is told. */
  public static final int MAX_VERSIONS = 200;

  private static final Logger LOGGER = LoggerFactory.getLogger(ModelSampler.class);
  private static final int POINTS = (int) KEPT.dividedBy(PERIOD);

  private final ModelService models;
  private final MetricTotals totals;
  private final Clock clock;
  private final Scheduler scheduler;
  private final Executor executor;
  private final List<Consumer<ModelSample>> listeners = new CopyOnWriteArrayList<>();
  private final long startNanos;
  private volatile Optional<ModelSample> latest = Optional.empty();

  @GuardedBy("this")
  private final Map<VersionId, VersionHistory> histories = new HashMap<>();

  @GuardedBy("this")
  private long tick = -1;

  @GuardedBy("this")
  private Optional<Scheduled> next = Optional.empty();

  @GuardedBy("this")
  private boolean closed;

  /**
   * Makes one that does not look yet.
   *
   * @param executor looks, for some microseconds a model
   */
  public ModelSampler(
      ModelService models,
      MetricRegistry registry,
      Clock clock,
      Scheduler scheduler,
      Executor executor) {
    this.models = Objects.requireNonNull(models, "models");
    this.totals = new MetricTotals(registry);
    this.clock = Objects.requireNonNull(clock, "clock");
    this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
    this.executor = Objects.requireNonNull(executor, "executor");
    this.startNanos = clock.nanoTime();
  }

  /** Looks for the first time, and every {@link #PERIOD} from then on. */
  public void start() {
    executor.execute(this::look);
  }

  /** Looks no more. */
  @Override
  public synchronized void close() {
    closed = true;
    next.ifPresent(Scheduled::cancel);
  }

  /** Is told each sample, on a thread of the executor, until the server ends. */
  public void addListener(Consumer<ModelSample> listener) {
    listeners.add(listener);
  }

  /** What was seen last; empty before the first look. */
  public Optional<ModelSample> latest() {
    return latest;
  }

  /**
   * The values of a figure, one for each {@link #PERIOD}, the oldest first; NaN where there is
   * none. Empty for a version that is not known or has no history.
   */
  public synchronized float[] history(VersionId version, Figure figure) {
    VersionHistory history = histories.get(version);
    return history == null ? new float[0] : history.read(figure, tick);
  }

  private void look() {
    try {
      ModelSample sample = sample();
      latest = Optional.of(sample);
      for (Consumer<ModelSample> listener : listeners) {
        listener.accept(sample);
      }
    } catch (Throwable failure) { // a shortage may pass
      LOGGER.error("The models could not be looked at", failure);
    }
    lookAgain();
  }

  private void lookNow() {
    try {
      executor.execute(this::look);
    } catch (Throwable failure) {
      LOGGER.error("The models cannot be looked at now", failure);
      lookAgain();
    }
  }

  private synchronized void lookAgain() {
    if (!closed) {
      long passed = Math.floorMod(clock.nanoTime() - startNanos, PERIOD.toNanos());
      next = Optional.of(scheduler.schedule(PERIOD.minusNanos(passed), this::lookNow));
    }
  }

  private ModelSample sample() {
    List<ModelDescription> described = models.describeEvery();
    Map<VersionId, VersionTotals> counted = totals.read();
    List<ModelSample.Version> versions = new ArrayList<>(described.size());
    synchronized (this) {
      tick = Math.max(tick + 1, (clock.nanoTime() - startNanos) / PERIOD.toNanos());
      Set<VersionId> known = new HashSet<>();
      for (ModelDescription description : described) {
        VersionId id = description.identity().id();
        known.add(id);
        versions.add(
            new ModelSample.Version(
                description, figures(description, Optional.ofNullable(counted.get(id)))));
      }
      histories.keySet().retainAll(known);
    }
    return new ModelSample(clock.now(), versions, models.readiness());
  }

  @GuardedBy("this")
  private Figures figures(ModelDescription description, Optional<VersionTotals> counted) {
    ModelDescription.Condition condition = description.condition();
    Figures.Builder figures =
        new Figures.Builder()
            .set(Figure.QUEUE_LENGTH, condition.queueLength())
            .set(Figure.READY_WORKERS, condition.diagnosis().readyWorkers())
            .set(
                Figure.WINDOW,
                condition.workers().stream().mapToInt(worker -> worker.load().window()).sum());
    Optional<VersionHistory> history = history(description.identity().id());
    history.ifPresent(kept -> counted.ifPresent(totalsNow -> kept.count(tick, totalsNow, figures)));
    Figures made = figures.build();
    history.ifPresent(kept -> kept.keep(tick, made));
    return made;
  }

  @GuardedBy("this")
  private Optional<VersionHistory> history(VersionId id) {
    VersionHistory found = histories.get(id);
    if (found == null && histories.size() < MAX_VERSIONS) {
      found =
          new VersionHistory(POINTS, (int) WINDOW.dividedBy(PERIOD), PERIOD.toMillis() / 1000.0);
      histories.put(id, found);
    }
    return Optional.ofNullable(found);
  }
}
