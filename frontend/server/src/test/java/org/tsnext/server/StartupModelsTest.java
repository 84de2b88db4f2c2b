package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.testing.FakeModels;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.snapshot.SavedModel;
import org.tsnext.server.snapshot.SnapshotJson;

public class StartupModelsTest {
  private static final ModelSource STORE = new Store(List.of("a.mar", "b", "two words.mar"));

  /** A model store that can only be listed. */
  private record Store(List<String> names) implements ModelSource {
    @Override
    public ModelArchive open(ModelLocation location) {
      throw new AssertionError("models are opened by the core");
    }

    @Override
    public void release(ModelArchive archive) {
      throw new AssertionError("models are released by the core");
    }

    @Override
    public List<String> list() throws ArchiveException {
      if (names.isEmpty()) {
        throw new ArchiveException(ArchiveException.Reason.IO, "no store");
      }
      return names;
    }
  }

  /** Remembers registrations; those of {@code bad...} fail, each in its own way. */
  private static final class Registrations extends FakeModels {
    final List<RegisterModel> registered = new ArrayList<>();
    final List<String> scaled = new ArrayList<>();

    @Override
    public CompletableFuture<ScaleResult> register(RegisterModel registration) {
      registered.add(registration);
      if (registration.source().url().equals("bad-at-once")) {
        throw new IllegalStateException("a fault");
      }
      if (registration.source().url().startsWith("bad")) {
        return CompletableFuture.failedFuture(
            new ServingException(
                ErrorKind.MODEL_NOT_FOUND, "Model not found at: " + registration.source().url()));
      }
      return CompletableFuture.completedFuture(
          new ScaleResult(
              ScaleResult.Outcome.ACCEPTED,
              registration.modelName().orElse("name-of-" + registration.source().url()),
              "1.0",
              1));
    }

    @Override
    public CompletableFuture<ScaleResult> scale(
        String modelName, Optional<String> version, ScaleModel scaling) {
      scaled.add(
          "%s %s %d-%d"
              .formatted(modelName, version.get(), scaling.minWorkers(), scaling.maxWorkers()));
      return CompletableFuture.completedFuture(
          new ScaleResult(ScaleResult.Outcome.ACCEPTED, modelName, version.get(), 1));
    }
  }

  private final List<String> failed = new ArrayList<>();
  private final StartupModels.Failures failures =
      (registration, version, why) ->
          failed.add(registration.source().url() + " " + version.orElse("-") + " " + why.kind());

  @BeforeMethod
  public void forget() {
    failed.clear();
  }

  @DataProvider
  public Object[][] words() {
    return new Object[][] {
      {List.of(), List.of()},
      {List.of("none"), List.of()},
      {List.of("standalone"), List.of()},
      {List.of("ALL"), List.of("a.mar", "b", "two words.mar")},
      {List.of("all", "c"), List.of("all", "c")},
      {List.of("n=a.mar", "b"), List.of("a.mar", "b")},
      {List.of("n=/models/x=y"), List.of("/models/x=y")},
      {List.of("/models/x=y"), List.of("/models/x=y")},
      {List.of("a.mar#sha256=0a"), List.of("a.mar#sha256=0a")},
      {List.of("n = a.mar m= b"), List.of("a.mar", "b")},
      {List.of("a.mar b"), List.of("a.mar", "b")},
      {List.of("n =two words.mar"), List.of("two words.mar")},
      {List.of("n=https://u:p@h/m.mar?sig=s#sha256=0a"), List.of("https://***@h/m.mar#sha256=0a")},
    };
  }

  @Test(dataProvider = "words")
  public void wordsNameModels(List<String> words, List<String> locations) throws StartException {
    assertEquals(StartupModels.of(words, STORE).locations(), locations);
  }

  @Test
  public void registrationsAreTrustedAsynchronousAndNamed() throws StartException {
    Registrations registrations = new Registrations();
    StartupModels.of(List.of("n=a.mar", "b"), STORE).load(registrations, failures).join();
    assertEquals(
        registrations.registered.stream().map(RegisterModel::modelName).toList(),
        List.of(Optional.of("n"), Optional.empty()));
    assertTrue(
        registrations.registered.stream().allMatch(o -> o.origin().trusted() && !o.synchronous()));
  }

  @Test
  public void failuresAreSkipped() throws StartException {
    Registrations registrations = new Registrations();
    StartupModels models = StartupModels.of(List.of("bad-at-once", "bad", "n=a.mar", "b"), STORE);
    models.load(registrations, failures).join();
    assertEquals(registrations.registered.size(), 4);
    assertEquals(models.loaded(), List.of("n", "name-of-b"));
    assertEquals(failed, List.of("bad-at-once - INTERNAL", "bad - MODEL_NOT_FOUND"));
    assertEquals(
        models.failed(),
        List.of(
            "bad-at-once: Internal error: java.lang.IllegalStateException: a fault",
            "bad: Model not found at: bad"));
  }

  @Test
  public void savedModelsComeBackTheDefaultVersionFirstAndWithTheirWorkers() {
    Registrations registrations = new Registrations();
    StartupModels models =
        StartupModels.restored(
            SnapshotJson.read(
                """
                {"models": {
                  "b": {"1.0": {"defaultVersion": false, "marName": "b1.mar", "minWorkers": 1,
                                "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 100},
                        "2.0": {"defaultVersion": true, "marName": "b2.mar", "minWorkers": 0,
                                "maxWorkers": 0, "batchSize": 1, "maxBatchDelay": 100}},
                  "a": {"1.0": {"defaultVersion": true, "marName": "a.mar", "minWorkers": 1,
                                "maxWorkers": 3, "batchSize": 4, "maxBatchDelay": 100}}}}
                """));
    models.load(registrations, failures).join();
    assertEquals(
        registrations.registered.stream().map(registration -> registration.source().url()).toList(),
        List.of("a.mar", "b2.mar", "b1.mar"));
    assertEquals(registrations.scaled, List.of("a 1.0 1-3"));
    assertEquals(models.notRestored(), List.of());
  }

  @Test
  public void savedModelThatFailsIsRememberedAndTheRestIsRestored() {
    Registrations registrations = new Registrations();
    StartupModels models =
        StartupModels.restored(
            SnapshotJson.read(
                """
                {"models": {
                  "b": {"1.0": {"defaultVersion": true, "marName": "bad.mar", "minWorkers": 1,
                                "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 100},
                        "2.0": {"defaultVersion": false, "marName": "b2.mar", "minWorkers": 1,
                                "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 100}}}}
                """));
    models.load(registrations, failures).join();
    assertEquals(models.loaded(), List.of("b"));
    assertEquals(
        models.notRestored().stream().map(SavedModel::marName).toList(), List.of("bad.mar"));
    assertEquals(failed, List.of("bad.mar 1.0 MODEL_NOT_FOUND"), "its version is known");
  }

  @Test
  public void allWithoutAStoreFailsTheStart() {
    StartException e =
        expectThrows(
            StartException.class, () -> StartupModels.of(List.of("all"), new Store(List.of())));
    assertEquals(e.getMessage(), "Cannot load all models: no store");
  }
}
