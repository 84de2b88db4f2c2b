package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.testing.Configs;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.core.time.Clock;

/** What one call throws harms no other request, and no worker. */
public class FaultIsolationTest {

  private CoreFixture fixture;

  @BeforeMethod
  public void setUp() {
    fixture = new CoreFixture();
  }

  @AfterMethod
  public void nothingIsLeftBehind() {
    fixture.closeAndCheck();
  }

  @DataProvider
  public Object[][] throwables() {
    return new Object[][] {
      {new IllegalStateException("runtime")},
      {new OutOfMemoryError("Cannot reserve direct buffer memory")},
      {new StackOverflowError()},
    };
  }

  @Test(dataProvider = "throwables")
  public void requestsOfABatchThatCannotBeSentFailAndTheNextOneIsSent(Throwable thrown) {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    AtomicInteger sends = new AtomicInteger();
    worker.onSend(
        batch -> {
          if (sends.incrementAndGet() == 1) {
            FaultIsolationTest.<RuntimeException>rethrow(thrown);
          }
        });
    RecordingSink first = fixture.predict("a");
    assertEquals(first.ends(), 1);
    assertEquals(first.error().orElseThrow().httpStatus(), 500);
    RecordingSink second = fixture.predict("b");
    worker.lastBatch().respondToAll("ok");
    assertEquals(second.body(), Optional.of("ok"));
    assertFalse(worker.wasKilled());
    assertEquals(fixture.requests().unreleased(), 0);
  }

  @Test
  public void requestsOfABatchThatDidNotGetToItsWorkerEndOnceAndTheNextOneIsSent() {
    FakeWorker worker =
        fixture.serve(1, new Configs().batch(2, Duration.ofSeconds(1)).build()).get(0);
    RecordingSink first = fixture.predict("a");
    RecordingSink second = fixture.predict("b");
    int batch = worker.lastBatch().id();
    ServingException why = new ServingException(ErrorKind.INTERNAL, "no memory");
    worker.notSent(batch, why);
    worker.notSent(batch, why);
    assertEquals(List.of(first.ends(), second.ends()), List.of(1, 1));
    assertEquals(first.error().orElseThrow().httpStatus(), 500);
    RecordingSink third = fixture.predict("c");
    RecordingSink fourth = fixture.predict("d");
    worker.lastBatch().respondToAll("ok");
    assertEquals(
        List.of(third.body(), fourth.body()), List.of(Optional.of("ok"), Optional.of("ok")));
    assertFalse(worker.wasKilled());
    assertEquals(fixture.requests().unreleased(), 0);
  }

  /** The worker's connection is the caller: an Error that reached it would close it. */
  @Test(dataProvider = "throwables")
  public void sinkThatThrowsHarmsNoOtherRequestOfItsBatch(Throwable thrown) {
    FakeWorker worker =
        fixture.serve(1, new Configs().batch(2, Duration.ofSeconds(1)).build()).get(0);
    fixture
        .core()
        .inference()
        .submit(fixture.requests().predict("m", "a"), new ThrowingSink(thrown));
    RecordingSink other = fixture.predict("b");
    worker.chunk(worker.lastBatch().id(), 0, "chunk");
    worker.lastBatch().respondToAll("ok");
    assertEquals(other.body(), Optional.of("ok"));
    RecordingSink next = fixture.predict("c");
    RecordingSink last = fixture.predict("d");
    worker.error(worker.lastBatch().id(), -1, 500, "failed", "");
    assertEquals(List.of(next.ends(), last.ends()), List.of(1, 1));
    assertEquals(worker.batches().size(), 2);
    assertFalse(worker.wasKilled());
  }

  @Test(dataProvider = "throwables")
  public void requestThatCannotBeTakenFails(Throwable thrown) {
    DispatchPolicy policy = CoreFixture.policy("1.0");
    VersionMetrics metrics =
        CoreFixture.serverMetrics(new MetricRegistry(100)).ofVersion("m", "1.0");
    VersionDispatcher dispatcher =
        new VersionDispatcher(
            policy, new ThrowingClock(thrown), fixture.time(), metrics, Optional::empty);
    RecordingSink sink = new RecordingSink();
    dispatcher.submit(fixture.requests().predict("m", "a"), sink).cancel();
    assertEquals(sink.ends(), 1);
    assertEquals(sink.errorKind(), Optional.of(ErrorKind.INTERNAL));
    assertEquals(fixture.requests().unreleased(), 0);
  }

  @Test
  public void workerWhoseStartThrowsIsStartedAgain() {
    fixture.starter().throwOnStart(new OutOfMemoryError("unable to create native thread"));
    assertFalse(fixture.register(1, ModelConfig.none()).isCompletedExceptionally());
    fixture.time().runDue();
    fixture.starter().latest().load();
    RecordingSink sink = fixture.predict("a");
    fixture.starter().latest().lastBatch().respondToAll("ok");
    assertEquals(sink.body(), Optional.of("ok"));
  }

  private record ThrowingClock(Throwable thrown) implements Clock {
    @Override
    public long nanoTime() {
      FaultIsolationTest.<RuntimeException>rethrow(thrown);
      return 0;
    }

    @Override
    public Instant now() {
      return Instant.EPOCH;
    }
  }

  private record ThrowingSink(Throwable thrown) implements ResponseSink {
    @Override
    public void complete(ResponseHead head, ByteBuf body) {
      body.release();
      FaultIsolationTest.<RuntimeException>rethrow(thrown);
    }

    @Override
    public void chunk(ResponseHead head, ByteBuf body) {
      body.release();
      FaultIsolationTest.<RuntimeException>rethrow(thrown);
    }

    @Override
    public void end(ByteBuf body) {
      body.release();
      FaultIsolationTest.<RuntimeException>rethrow(thrown);
    }

    @Override
    public void fail(ServingException error) {
      FaultIsolationTest.<RuntimeException>rethrow(thrown);
    }
  }

  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <T extends Throwable> void rethrow(Throwable thrown) throws T {
    throw (T) thrown;
  }
}
