package org.tsnext.core.history;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorker;
import org.tsnext.core.testing.RecordingSink;

/** What the sampler sees of a whole core, by a clock that the test moves. */
public class ModelSamplerTest {

  private static final VersionId MODEL = new VersionId("m", "1.0");
  private static final int POINTS = 450;

  private CoreFixture fixture;
  private ModelSampler sampler;

  /** The next task is not run for it. */
  private Error failure;

  @BeforeMethod
  public void makeCore() {
    fixture = new CoreFixture();
    sampler =
        new ModelSampler(
            fixture.core().models(),
            fixture.metrics(),
            fixture.time(),
            fixture.time(),
            this::execute);
  }

  @AfterMethod(alwaysRun = true)
  public void end() {
    sampler.close();
    fixture.core().close();
  }

  private void execute(Runnable task) {
    Error thrown = failure;
    failure = null;
    if (thrown != null) {
      throw thrown;
    }
    task.run();
  }

  private ModelSample.Version only() {
    List<ModelSample.Version> versions = sampler.latest().orElseThrow().versions();
    assertEquals(versions.size(), 1);
    return versions.get(0);
  }

  private float figure(Figure figure) {
    return only().figures().get(figure);
  }

  private void submit() {
    var unused =
        fixture
            .core()
            .inference()
            .submit(fixture.requests().predict("m", "x"), new RecordingSink());
  }

  /** Requests that a worker answers after {@code took}. */
  private void ask(FakeWorker worker, int count, Duration took) {
    for (int i = 0; i < count; i++) {
      submit();
      fixture.time().advance(took);
      worker.respondToOpen();
    }
  }

  @Test
  public void figuresAreThoseOfTheLastTenSeconds() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    sampler.start();
    ask(worker, 10, Duration.ofMillis(100));
    fixture.time().advance(Duration.ofSeconds(1));
    assertEquals(figure(Figure.RATE), 5f, 0.01f);
    assertEquals(figure(Figure.ERRORS), 0f);
    assertTrue(figure(Figure.P50) > 0.05f && figure(Figure.P50) <= 0.1f, figure(Figure.P50) + "");
    assertEquals(figure(Figure.HANDLER_SECONDS), 0.1f, 0.02f, "all that the worker took");
    assertEquals(figure(Figure.QUEUE_SECONDS), 0f, 0.001f);
    assertEquals(figure(Figure.BATCH_SIZE), 1f, 0.001f);
    assertEquals(figure(Figure.READY_WORKERS), 1f);
    fixture.time().advance(Duration.ofSeconds(14));
    assertEquals(figure(Figure.RATE), 0f);
    assertTrue(Float.isNaN(figure(Figure.P50)), "no latency without a request");
  }

  @Test
  public void handlerAndTransportAreApartWhereTheWorkerTellsItsTimes() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    sampler.start();
    for (int i = 0; i < 10; i++) {
      submit();
      fixture.time().advance(Duration.ofMillis(100));
      worker.handled(worker.lastBatch().id(), -1, 0, 70_000_000);
      worker.respondToOpen();
    }
    worker.handled(worker.lastBatch().id(), -1, 0, 5_000_000_000L);
    fixture.time().advance(Duration.ofSeconds(1));
    assertEquals(figure(Figure.HANDLER_SECONDS), 0.07f, 0.001f, "of open batches alone");
    assertEquals(figure(Figure.OTHER_SECONDS), 0.03f, 0.01f);
    assertEquals(figure(Figure.QUEUE_SECONDS), 0f, 0.001f);
  }

  @Test
  public void waitInAWorkerForTheBatchBeforeCountsAsQueue() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    sampler.start();
    for (int i = 0; i < 40; i++) {
      submit();
      if (i > 0) {
        fixture.time().advance(Duration.ofMillis(1));
        int batch = worker.batches().get(i - 1).id();
        worker.handled(batch, -1, 0, 1_000_000);
        worker.respond(batch, 0, "x");
      }
    }
    submit();
    assertEquals(worker.batches().size(), 41, "sent ahead");
    fixture.time().advance(Duration.ofSeconds(2));
    assertEquals(figure(Figure.HANDLER_SECONDS), 0.001f, 1e-5f);
    assertEquals(figure(Figure.QUEUE_SECONDS), 0.001f, 1e-4f, "each waits for the one before it");
    assertEquals(figure(Figure.OTHER_SECONDS), 0f, 1e-4f, "and for nothing else");
  }

  @Test
  public void historyHoldsAQuarterOfAnHourAndNoMore() {
    FakeWorker worker = fixture.serve(1, ModelConfig.none()).get(0);
    sampler.start();
    assertEquals(sampler.history(MODEL, Figure.RATE).length, POINTS);
    ask(worker, 2, Duration.ofMillis(100));
    fixture.time().advance(Duration.ofMillis(1800));
    float[] early = sampler.history(MODEL, Figure.RATE);
    assertEquals(early[POINTS - 1], 1f, 0.01f);
    assertTrue(Float.isNaN(early[0]), "nothing is known of the time before");
    fixture.time().advance(Duration.ofMinutes(20));
    float[] late = sampler.history(MODEL, Figure.RATE);
    assertEquals(late.length, POINTS);
    for (float value : late) {
      assertEquals(value, 0f);
    }
  }

  @Test
  public void momentsThatWereMissedHaveNoValue() {
    VersionHistory history = new VersionHistory(4, 2, 1);
    Figures one = new Figures.Builder().set(Figure.RATE, 1).build();
    history.keep(0, one);
    history.keep(1, one);
    history.keep(4, one);
    float[] values = history.read(Figure.RATE, 4);
    assertEquals(values.length, 4);
    assertEquals(values[0], 1f);
    assertTrue(Float.isNaN(values[1]) && Float.isNaN(values[2]), "two were missed");
    assertEquals(values[3], 1f);
    history.keep(1000, one);
    assertTrue(Float.isNaN(history.read(Figure.RATE, 1000)[0]), "all before is too old");
  }

  @Test
  public void versionsComeAndGoWithTheirHistories() {
    sampler.start();
    assertEquals(sampler.latest().orElseThrow().versions(), List.of());
    assertEquals(sampler.history(MODEL, Figure.RATE).length, 0);
    fixture.serve(1, ModelConfig.none());
    fixture.time().advance(ModelSampler.PERIOD);
    assertEquals(only().description().identity().id(), MODEL);
    var unused = fixture.core().models().unregister("m", Optional.empty());
    fixture.time().advance(ModelSampler.PERIOD.multipliedBy(2));
    assertEquals(sampler.latest().orElseThrow().versions(), List.of());
    assertEquals(sampler.history(MODEL, Figure.RATE).length, 0);
  }

  @Test
  public void looksOncePerPeriodForAllWhoListenUntilItIsClosed() {
    List<ModelSample> first = new ArrayList<>();
    List<ModelSample> second = new ArrayList<>();
    sampler.addListener(first::add);
    sampler.addListener(second::add);
    sampler.start();
    fixture.time().advance(ModelSampler.PERIOD.multipliedBy(3));
    assertEquals(first.size(), 4);
    assertEquals(second, first);
    sampler.close();
    fixture.time().advance(ModelSampler.PERIOD.multipliedBy(3));
    assertEquals(first.size(), 4);
  }

  @Test
  public void listenerThatFailsDoesNotEndTheLooking() {
    List<ModelSample> heard = new ArrayList<>();
    sampler.addListener(heard::add);
    sampler.addListener(
        sample -> {
          throw new IllegalStateException("a listener failed");
        });
    sampler.start();
    fixture.time().advance(ModelSampler.PERIOD);
    assertEquals(heard.size(), 2);
  }

  @Test
  public void looksAgainThoughItCouldNotLookOnce() {
    List<ModelSample> seen = new ArrayList<>();
    sampler.addListener(seen::add);
    sampler.start();
    failure = new OutOfMemoryError("unable to create native thread");
    fixture.time().advance(ModelSampler.PERIOD);
    assertEquals(seen.size(), 1);
    sampler.addListener(
        sample -> {
          throw new StackOverflowError();
        });
    fixture.time().advance(ModelSampler.PERIOD.multipliedBy(2));
    assertEquals(seen.size(), 3);
  }
}
