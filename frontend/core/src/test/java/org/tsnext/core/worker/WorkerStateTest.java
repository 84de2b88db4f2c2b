package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.tsnext.core.worker.WorkerState.BACKOFF;
import static org.tsnext.core.worker.WorkerState.DRAINING;
import static org.tsnext.core.worker.WorkerState.FAILED;
import static org.tsnext.core.worker.WorkerState.LOADING;
import static org.tsnext.core.worker.WorkerState.READY;
import static org.tsnext.core.worker.WorkerState.STARTING;
import static org.tsnext.core.worker.WorkerState.STOPPED;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class WorkerStateTest {

  @DataProvider
  public Object[][] table() {
    return new Object[][] {
      {STARTING, List.of(LOADING, DRAINING, BACKOFF, FAILED)},
      {LOADING, List.of(READY, DRAINING, BACKOFF, FAILED)},
      {READY, List.of(DRAINING, BACKOFF, FAILED)},
      {DRAINING, List.of(STOPPED)},
      {BACKOFF, List.of(STARTING, STOPPED, FAILED)},
      {STOPPED, List.of()},
      {FAILED, List.of(STARTING, STOPPED)},
    };
  }

  @Test(dataProvider = "table")
  public void onlyTheMovesOfTheTableAreLegal(WorkerState from, List<WorkerState> legal) {
    assertEquals(Arrays.stream(WorkerState.values()).filter(from::canMoveTo).toList(), legal);
  }

  @Test
  public void shownNamesAreThoseOfTheOriginal() {
    assertEquals(
        Stream.of(STARTING, LOADING, READY, DRAINING, BACKOFF, STOPPED, FAILED)
            .map(WorkerState::shownState)
            .toList(),
        List.of(
            "WORKER_STARTED",
            "WORKER_STARTED",
            "WORKER_MODEL_LOADED",
            "WORKER_SCALED_DOWN",
            "WORKER_STOPPED",
            "WORKER_SCALED_DOWN",
            "WORKER_ERROR"));
    assertEquals(READY.status(), "READY");
    assertEquals(LOADING.status(), "LOADING");
    assertEquals(DRAINING.status(), "UNLOADING");
    assertEquals(FAILED.status(), "FAILED");
  }

  @Test(
      expectedExceptions = IllegalStateException.class,
      expectedExceptionsMessageRegExp = "W-9000-m_1 cannot move from STARTING to READY")
  public void illegalMoveThrows() {
    WorkerSlot slot = new WorkerSlot(9000, OptionalInt.empty(), "W-9000-m_1", Instant.EPOCH);
    slot.moveTo(STARTING, Instant.EPOCH);
    slot.moveTo(READY, Instant.EPOCH);
  }
}
