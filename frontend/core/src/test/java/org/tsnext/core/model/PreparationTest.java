package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeWorkerStarter;
import org.tsnext.core.worker.ModelEnvironment;

/** What can be seen of a version while its packages are being installed, and how that ends. */
public class PreparationTest {

  private static final int LIMIT_SECONDS = 60;

  private Installation installation;
  private CoreFixture fixture;

  /** Installs for as long as the test likes. */
  private static final class Installation implements ModelEnvironment {
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch proceed = new CountDownLatch(1);
    final AtomicInteger released = new AtomicInteger();
    volatile boolean fails;

    /** As if it was interrupted too late to notice. */
    volatile boolean ignoresInterrupts;

    @Override
    public Prepared prepare(String modelName, ModelArchive archive, Consumer<String> progress) {
      progress.accept("Collecting numpy");
      begun.countDown();
      try {
        proceed.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        if (!ignoresInterrupts) {
          throw failed("interrupted");
        }
      }
      if (fails) {
        throw failed("ERROR: No matching distribution");
      }
      return Prepared.NOTHING;
    }

    @Override
    public void release(Prepared prepared) {
      released.incrementAndGet();
    }

    private static ServingException failed(String detail) {
      return new ServingException(ErrorKind.MODEL_SETUP_FAILED, "Custom pip failed")
          .withDetail(detail);
    }
  }

  @BeforeMethod
  public void start() {
    installation = new Installation();
    fixture =
        new CoreFixture(new FakeWorkerStarter(), ServingSettings.defaults(0, 2), installation);
    fixture.source().add("m.mar", "m", "1.0", ModelConfig.none());
  }

  @AfterMethod(alwaysRun = true)
  public void stop() {
    fixture.closeAndCheck();
  }

  private CompletableFuture<ScaleResult> register(boolean synchronous) throws Exception {
    RegisterModel registration =
        CoreFixture.registration("m.mar", OptionalInt.of(0), synchronous, false);
    CompletableFuture<ScaleResult> registered =
        CompletableFuture.supplyAsync(() -> fixture.core().models().register(registration).join());
    assertTrue(installation.begun.await(LIMIT_SECONDS, TimeUnit.SECONDS));
    return registered;
  }

  private ModelDescription describe() {
    return fixture.core().models().describe("m", Optional.empty());
  }

  private static ServingException failureOf(CompletableFuture<?> future) {
    Throwable failure = expectThrows(CompletionException.class, future::join);
    while (failure instanceof CompletionException) {
      failure = failure.getCause();
    }
    return (ServingException) failure;
  }

  @Test
  public void aVersionIsInstallingWithItsLastLinesUntilItIsRegistered() throws Exception {
    CompletableFuture<ScaleResult> registered = register(true);
    ModelDescription description = describe();
    assertEquals(description.condition().diagnosis().state(), Diagnosis.State.INSTALLING);
    assertTrue(description.condition().diagnosis().reason().endsWith("Collecting numpy"));
    assertEquals(fixture.core().models().describeAll("m").size(), 1);
    installation.proceed.countDown();
    registered.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    assertEquals(describe().condition().diagnosis().state(), Diagnosis.State.NO_WORKERS);
    assertEquals(fixture.core().models().describeAll("m").size(), 1);
  }

  @Test
  public void unregisteringEndsTheInstallationAndLeavesNothing() throws Exception {
    CompletableFuture<ScaleResult> registered = register(true);
    fixture.core().models().unregister("m", Optional.empty()).get(LIMIT_SECONDS, TimeUnit.SECONDS);
    assertEquals(fixture.source().openCount(), 0);
    assertEquals(failureOf(registered).kind(), ErrorKind.CONFLICT);
    assertEquals(
        expectThrows(ServingException.class, this::describe).kind(), ErrorKind.MODEL_NOT_FOUND);
  }

  @Test
  public void unregisteringHoldsAlsoWhereTheInstallationIsDoneByThen() throws Exception {
    installation.ignoresInterrupts = true;
    CompletableFuture<ScaleResult> registered = register(true);
    fixture.core().models().unregister("m", Optional.empty()).get(LIMIT_SECONDS, TimeUnit.SECONDS);
    assertEquals(failureOf(registered).kind(), ErrorKind.CONFLICT);
    assertEquals(
        expectThrows(ServingException.class, this::describe).kind(), ErrorKind.MODEL_NOT_FOUND);
    assertEquals(fixture.source().openCount(), 0);
    assertEquals(installation.released.get(), 1);
  }

  @Test
  public void goingDownEndsTheInstallation() throws Exception {
    CompletableFuture<ScaleResult> registered = register(true);
    fixture.core().close();
    assertEquals(failureOf(registered).kind(), ErrorKind.CONFLICT);
    assertEquals(fixture.source().openCount(), 0);
  }

  @Test
  public void aFailureThatIsReturnedIsNotKept() throws Exception {
    installation.fails = true;
    CompletableFuture<ScaleResult> registered = register(true);
    installation.proceed.countDown();
    assertEquals(failureOf(registered).kind(), ErrorKind.MODEL_SETUP_FAILED);
    assertEquals(
        expectThrows(ServingException.class, this::describe).kind(), ErrorKind.MODEL_NOT_FOUND);
  }

  @Test
  public void aFailureWithoutACallerIsReportedUntilTheModelIsRegisteredOrUnregistered()
      throws Exception {
    installation.fails = true;
    CompletableFuture<ScaleResult> registered = register(false);
    installation.proceed.countDown();
    failureOf(registered);
    ModelDescription description = describe();
    assertEquals(description.condition().diagnosis().state(), Diagnosis.State.FAILED);
    assertEquals(
        description.condition().lastLoadError().orElseThrow().detail(),
        "ERROR: No matching distribution");
    assertTrue(fixture.core().models().list().isEmpty());
    fixture.core().models().unregister("m", Optional.of("1.0")).join();
    expectThrows(ServingException.class, this::describe);
    failureOf(register(false));
    installation.fails = false;
    register(false).join();
    assertEquals(describe().condition().diagnosis().state(), Diagnosis.State.NO_WORKERS);
  }
}
