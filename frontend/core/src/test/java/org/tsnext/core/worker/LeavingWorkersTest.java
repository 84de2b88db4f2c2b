package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorkerStarter;
import org.tsnext.core.testing.RecordingSink;

/**
 * Workers that are to go: what they run may finish, within the first limit, and its GPUs are free.
 */
public class LeavingWorkersTest {

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
  }

  private void scale(int workers) {
    ScaleModel change = new ScaleModel(workers, workers, false, Optional.empty());
    fixture.core().models().scale("m", Optional.empty(), change).join();
    fixture.starter().alive().forEach(FakeWorker::load);
  }

  private <T> List<T> ofAlive(Function<WorkerSpec, T> what) {
    return fixture.starter().alive().stream().map(worker -> what.apply(worker.spec())).toList();
  }

  @Test
  public void groupOfGpusThatIsFreeIsDealtBeforeOneThatIsInUse() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(6, 2));
    fixture.serve(3, new Configs().parallel(ParallelType.CUSTOM, 2).build());
    scale(2);
    scale(3);
    assertEquals(
        ofAlive(spec -> spec.gpus().visible()),
        List.of(List.of(0, 1), List.of(2, 3), List.of(4, 5)));
    scale(1);
    scale(3);
    assertEquals(
        ofAlive(spec -> spec.gpus().visible()),
        List.of(List.of(0, 1), List.of(2, 3), List.of(4, 5)));
  }

  @Test
  public void groupOfAWorkerThatStillDrainsIsDealtBeforeOneThatStays() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(4, 2));
    List<FakeWorker> workers =
        fixture.serve(2, new Configs().parallel(ParallelType.CUSTOM, 2).build());
    fixture.predict("a");
    fixture.predict("b");
    scale(1);
    scale(2);
    assertEquals(fixture.starter().latest().spec().gpus().visible(), List.of(2, 3));
    workers.forEach(FakeWorker::respondToOpen);
  }

  @Test
  public void gpuThatFewestWorkersHaveIsDealt() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(3, 2));
    fixture.serve(4, ModelConfig.none());
    scale(2);
    scale(3);
    assertEquals(
        ofAlive(spec -> spec.gpus().device()),
        List.of(OptionalInt.of(0), OptionalInt.of(1), OptionalInt.of(2)));
  }

  @Test
  public void workerThatIsReplacedForFailuresFinishesWhatItRunsWhenItIsToGoMeanwhile() {
    FakeWorker worker =
        fixture.serve(1, new Configs().concurrency(2).maxFailuresInRow(3).build()).get(0);
    RecordingSink longOne = fixture.predict("long");
    FakeWorker.SentBatch running = worker.lastBatch();
    for (int i = 0; i < 3; i++) {
      fixture.predict("bad " + i);
      worker.error(worker.lastBatch().id(), -1, 503, "Prediction failed", "ValueError: bad");
    }
    CompletableFuture<Void> gone = fixture.core().models().unregister("m", Optional.empty());
    assertFalse(worker.hasExited());
    running.respondToAll("ok");
    assertEquals(longOne.body(), Optional.of("ok"));
    assertTrue(worker.hasExited());
    assertFalse(worker.wasKilled());
    gone.join();
  }

  @Test
  public void secondUnregistrationGivesAWorkerNoMoreTime() {
    ModelConfig patient = new Configs().responseTimeout(Duration.ofHours(1)).build();
    FakeWorker worker = fixture.serve(1, patient).get(0);
    fixture.predict("a");
    CompletableFuture<Void> first = fixture.core().models().unregister("m", Optional.empty());
    Duration limit = ServingSettings.defaults(0, 1).unregisterDrain();
    fixture.advance(limit.minusSeconds(1));
    assertFalse(worker.wasKilled());
    CompletableFuture<Void> second = fixture.core().models().unregister("m", Optional.empty());
    fixture.advance(Duration.ofSeconds(1));
    assertTrue(worker.wasKilled());
    first.join();
    second.join();
  }
}
