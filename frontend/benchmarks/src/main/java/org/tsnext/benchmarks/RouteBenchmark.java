package org.tsnext.benchmarks;

import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.ServingCore;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.model.ModelChangeListener;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeModelSource;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.TimerThread;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerStarter;
import org.tsnext.core.worker.WorkerUsage;

/**
 * As {@link ScheduleBenchmark}, through the door of a core with many models: the difference is what
 * it costs to find the model and its version.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RouteBenchmark {

  private static final int MODELS = 100;

  @Param({"", "1.0"})
  public String version;

  private TimerThread timer;
  private ServingCore core;
  private Optional<String> asked;
  private int next;

  /** Registers the models, with a worker each. */
  @Setup
  public void setUp() {
    asked = version.isEmpty() ? Optional.empty() : Optional.of(version);
    timer = new TimerThread("benchmark-timer");
    FakeModelSource source = new FakeModelSource();
    core =
        new ServingCore(
            ServingSettings.defaults(0, 2),
            new ServingCore.ModelFiles(source, new NoEnvironment()),
            new ServingCore.WorkerProcesses(starter(), WorkerUsage.UNKNOWN),
            new ServingCore.Execution(Clock.system(), timer, Runnable::run),
            CoreFixture.serverMetrics(new MetricRegistry(10_000)),
            ModelChangeListener.NONE);
    for (int i = 0; i < MODELS; i++) {
      source.add(i + ".mar", "model-" + i, "1.0", ModelConfig.none());
      core.models()
          .register(CoreFixture.registration(i + ".mar", OptionalInt.of(1), true, false))
          .join();
    }
  }

  @TearDown
  public void tearDown() {
    core.close();
    timer.close();
  }

  @Benchmark
  public InferenceCall routeAndSchedule() {
    next = (next + 1) % MODELS;
    return core.inference().submit(Steps.request("model-" + next, asked), Steps.CLIENT);
  }

  /** Of workers that load at once, and respond at once. */
  private static WorkerStarter starter() {
    return (spec, listener) -> {
      listener.started(1);
      listener.connected("nowhere");
      listener.loaded(Duration.ZERO);
      return new Steps.FakeProcess(
          batchId -> listener.response(batchId, 0, ResponseHead.EMPTY, Unpooled.EMPTY_BUFFER),
          () -> listener.exited(new ExitStatus(0, 0, "")));
    };
  }

  private static final class NoEnvironment implements ModelEnvironment {
    @Override
    public Prepared prepare(String modelName, ModelArchive archive, Consumer<String> progress) {
      return Prepared.NOTHING;
    }

    @Override
    public void release(Prepared prepared) {}
  }
}
