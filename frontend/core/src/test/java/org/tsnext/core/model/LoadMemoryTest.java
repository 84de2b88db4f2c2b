package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.Failures;
import org.tsnext.core.testing.FakeWorker;

/** Models that do not fit into memory are refused before they are loaded. */
public class LoadMemoryTest {
  private static final int MIB = 1 << 20;

  private Path store;
  private OptionalLong free = OptionalLong.of(10 * MIB);
  private CoreFixture fixture;

  @BeforeMethod
  public void makeStore() throws IOException {
    store = Files.createTempDirectory("tsnext-memory-test");
    free = OptionalLong.of(10 * MIB);
    fixture = new CoreFixture(new LoadMemory(1.5, () -> free));
  }

  @AfterMethod(alwaysRun = true)
  public void nothingIsLeftBehind() throws IOException {
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.closeAndCheck();
    try (Stream<Path> files = Files.walk(store)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private CompletableFuture<ScaleResult> register(
      String name, int mib, int workers, boolean trusted) throws IOException {
    Path folder = Files.createDirectories(store.resolve(name));
    Files.write(Files.createDirectories(folder.resolve("data")).resolve("w"), new byte[mib * MIB]);
    fixture.source().addFolder(folder, name, "1.0");
    return fixture
        .core()
        .models()
        .register(
            CoreFixture.registration(folder.toString(), OptionalInt.of(workers), true, trusted));
  }

  private CompletableFuture<ScaleResult> register(String name, int mib) throws IOException {
    return register(name, mib, 1, false);
  }

  private void load() {
    fixture.starter().alive().forEach(FakeWorker::load);
  }

  @Test
  public void modelThatDoesNotFitIsRefusedAndNothingOfItStays() throws IOException {
    CompletableFuture<ScaleResult> refused = register("large", 7);

    Failures.expect(
        refused,
        ErrorKind.LOAD_OUT_OF_MEMORY,
        "Not enough memory to load model large: its files have 7.0 MiB or more, and 10.0 MiB are free.");
    ServingException why = Failures.of(refused);
    assertEquals(why.httpStatus(), 507);
    assertTrue(why.detail().orElse("").contains("model_memory_factor=0"), why.detail().toString());
    assertTrue(fixture.core().models().list().isEmpty());
    assertTrue(fixture.starter().workers().isEmpty());
    assertEquals(fixture.source().openCount(), 0);
  }

  @Test
  public void modelThatFitsIsLoaded() throws IOException {
    CompletableFuture<ScaleResult> registered = register("small", 6);
    load();

    assertEquals(registered.join().workers(), 1);
  }

  @Test
  public void eachWorkerNeedsAModelOfItsOwn() throws IOException {
    assertEquals(Failures.of(register("m", 4, 2, false)).kind(), ErrorKind.LOAD_OUT_OF_MEMORY);
  }

  @Test
  public void modelsThatAreBeingLoadedCountUntilTheyAre() throws IOException {
    CompletableFuture<ScaleResult> first = register("first", 4);
    assertEquals(Failures.of(register("second", 4)).kind(), ErrorKind.LOAD_OUT_OF_MEMORY);

    load();
    first.join();
    CompletableFuture<ScaleResult> second = register("second", 4);
    load();

    assertEquals(second.join().workers(), 1);
  }

  @Test
  public void modelThatFailedToLoadCountsNoLonger() throws IOException {
    CompletableFuture<ScaleResult> first = register("first", 4);
    fixture.starter().workers().forEach(worker -> worker.diesOnRequest(true));
    fixture.starter().alive().get(0).die();
    assertTrue(first.isCompletedExceptionally());

    CompletableFuture<ScaleResult> second = register("second", 4);
    load();

    assertEquals(second.join().workers(), 1);
  }

  @Test
  public void nameThatIsThereIsAConflictWhateverIsFree() throws IOException {
    CompletableFuture<ScaleResult> first = register("m", 1);
    load();
    first.join();
    free = OptionalLong.of(0);

    assertEquals(Failures.of(register("m", 1)).kind(), ErrorKind.CONFLICT);
  }

  @Test
  public void operatorsModelsAndUnknownMemoryAreNotChecked() throws IOException {
    CompletableFuture<ScaleResult> operators = register("operators", 9, 1, true);
    free = OptionalLong.empty();
    CompletableFuture<ScaleResult> unknown = register("unknown", 9);
    register("withoutWorkers", 9, 0, false).join();
    load();
    operators.join();
    unknown.join();

    assertEquals(fixture.core().models().list().size(), 3);
    assertEquals(
        fixture
            .core()
            .models()
            .describe("unknown", Optional.empty())
            .condition()
            .diagnosis()
            .readyWorkers(),
        1);
  }
}
