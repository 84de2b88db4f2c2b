package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;

import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.FakeWorkerStarter;

public class WorkerUsageTest {
  private CoreFixture fixture;

  @AfterMethod
  public void close() {
    fixture.closeAndCheck();
  }

  private List<ModelDescription.Worker> workers() {
    return fixture.core().models().describe("m", Optional.empty()).condition().workers();
  }

  @Test
  public void descriptionTellsWhatIsKnownOfEachWorkersProcess() {
    fixture = new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(2, 2));
    List<FakeWorker> alive = fixture.serve(2, ModelConfig.none());
    long second = alive.get(1).pid();
    fixture.usage().memory.put(second, 4096L);
    fixture.usage().gpus.put(second + "@1", "busy");
    assertEquals(
        workers().stream().map(worker -> worker.process().memoryBytes()).toList(),
        List.of(0L, 4096L));
    assertEquals(
        workers().stream().map(worker -> worker.process().gpuUsage()).toList(),
        List.of(Optional.empty(), Optional.of("busy")));
  }

  @Test
  public void workerWithoutDeviceHasNoGpuUsage() {
    fixture = new CoreFixture();
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    fixture.usage().gpus.put(worker.pid() + "@0", "of another process");
    assertEquals(workers().get(0).process().gpuUsage(), Optional.empty());
  }

  @Test
  public void processesOfAllWorkersAreKnownAndDeadOnesForgotten() {
    fixture = new CoreFixture();
    assertEquals(fixture.core().workerPids(), List.of());
    List<FakeWorker> alive = fixture.serve(2, ModelConfig.none());
    assertEquals(fixture.core().workerPids(), List.of(alive.get(0).pid(), alive.get(1).pid()));
    alive.get(0).die();
    fixture.starter().latest().load();
    assertEquals(
        fixture.core().workerPids(), List.of(fixture.starter().latest().pid(), alive.get(1).pid()));
  }
}
