package org.tsnext.benchmarks;

import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.inference.VersionDispatcher;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.TimerThread;
import org.tsnext.core.worker.WorkerAvailability;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerRegistration;

/** A request from its submission to its end, without a transport and with a worker in no time. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ScheduleBenchmark {

  private TimerThread timer;
  private VersionDispatcher dispatcher;
  private WorkerRegistration registration;

  /** Makes a version with one worker. */
  @Setup
  public void setUp() {
    timer = new TimerThread("benchmark-timer");
    DispatchPolicy policy =
        new DispatchPolicy(
            new VersionId("m", "1.0"),
            new Batching(1, Duration.ZERO, false),
            new QueueLimits(100, false),
            new Timeouts(
                Duration.ofMinutes(2), Duration.ofMinutes(2), Duration.ofMinutes(5), Duration.ZERO),
            true,
            0,
            Optional.empty());
    dispatcher =
        new VersionDispatcher(
            policy,
            Clock.system(),
            timer,
            CoreFixture.serverMetrics(new MetricRegistry(100)).ofVersion("m", "1.0"),
            Optional::empty);
    dispatcher.availability(WorkerAvailability.PRESENT);
    registration =
        dispatcher.open(1, new Steps.FakeProcess(this::respond, () -> {}), new NoObserver());
    registration.begin();
  }

  @TearDown
  public void tearDown() {
    timer.close();
  }

  @Benchmark
  public InferenceCall schedule() {
    return dispatcher.submit(Steps.request("m", Optional.empty()), Steps.CLIENT);
  }

  private void respond(int batchId) {
    registration.response(batchId, 0, ResponseHead.EMPTY, Unpooled.EMPTY_BUFFER);
  }

  private static final class NoObserver implements WorkerRegistration.Observer {
    @Override
    public void silent(Duration responseTimeout) {}

    @Override
    public void handlerFailed(int batchId, HandlerError error, List<InferenceRequest> requests) {}

    @Override
    public void onErrorResponse(int batchId, int status, InferenceRequest request) {}
  }
}
