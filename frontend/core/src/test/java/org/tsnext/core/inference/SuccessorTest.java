package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.testing.Requests;
import org.tsnext.core.worker.WorkerAvailability;

/** Requests that were sent to a version in the moment in which another one took its place. */
public class SuccessorTest {

  private ManualTime time;
  private Requests requests;
  private VersionDispatcher old;
  private VersionDispatcher next;
  private Optional<VersionDispatcher> newDefault;
  private RecordingSink sink;

  @BeforeMethod
  public void setUp() {
    time = new ManualTime();
    requests = new Requests();
    sink = new RecordingSink();
    next = dispatcher("2.0");
    old = dispatcher("1.0");
    newDefault = Optional.of(next);
    next.availability(WorkerAvailability.PRESENT);
    old.availability(WorkerAvailability.PRESENT);
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    newDefault = Optional.empty();
    next.shutDown();
    old.shutDown();
    assertEquals(requests.unreleased(), 0);
  }

  @Test
  public void requestThatComesTooLateIsServedByTheSuccessor() {
    old.unregister();
    InferenceCall call = submit(Optional.empty());
    assertEquals(next.queueLength(), 1);
    assertEquals(sink.ends(), 0);
    call.cancel();
    assertEquals(next.queueLength(), 0);
    assertEquals(sink.ends(), 0);
  }

  @Test
  public void versionThatWasRegisteredAgainUnderItsNameIsAnotherOne() {
    VersionDispatcher again = dispatcher("1.0");
    again.availability(WorkerAvailability.PRESENT);
    newDefault = Optional.of(again);
    old.unregister();
    InferenceCall unused = submit(Optional.empty());
    assertEquals(again.queueLength(), 1);
    newDefault = Optional.empty();
    again.shutDown();
  }

  @Test
  public void requestForThatVersionIsNotMoved() {
    old.unregister();
    InferenceCall unused = submit(Optional.of("1.0"));
    assertEquals(next.queueLength(), 0);
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.MODEL_GOING_AWAY));
  }

  @Test
  public void withoutAnotherDefaultVersionNothingIsMoved() {
    newDefault = Optional.empty();
    old.unregister();
    InferenceCall unused = submit(Optional.empty());
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.MODEL_GOING_AWAY));
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void successorWithoutWorkersRespondsForBoth() {
    next.availability(WorkerAvailability.NONE);
    old.unregister();
    InferenceCall unused = submit(Optional.empty());
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.NO_WORKER));
    assertEquals(sink.ends(), 1);
  }

  @Test
  public void serverThatGoesDownMovesNothing() {
    InferenceCall unused = submit(Optional.empty());
    old.shutDown();
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.SHUTTING_DOWN));
    assertEquals(next.queueLength(), 0);
  }

  @Test
  public void requestOfAVersionThatLostItsLastWorkerIsMoved() {
    InferenceCall unused = submit(Optional.empty());
    assertEquals(old.queueLength(), 1);
    old.availability(WorkerAvailability.failed("ImportError"));
    assertEquals(old.queueLength(), 0);
    assertEquals(next.queueLength(), 1);
    assertTrue(sink.error().isEmpty());
  }

  private InferenceCall submit(Optional<String> version) {
    return old.submit(
        requests.request("m", version, RequestKind.PREDICT, "x", Optional.empty()), sink);
  }

  private VersionDispatcher dispatcher(String version) {
    DispatchPolicy policy = CoreFixture.policy(version);
    VersionMetrics metrics =
        CoreFixture.serverMetrics(new MetricRegistry(100)).ofVersion("m", version);
    return new VersionDispatcher(policy, time, time, metrics, () -> newDefault);
  }
}
