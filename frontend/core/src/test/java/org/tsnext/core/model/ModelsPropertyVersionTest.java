package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.testing.CapturedWarnings;
import org.tsnext.core.testing.FakeModelSource;

/** Whom the {@code models} property means where its version is not the archive's. */
public class ModelsPropertyVersionTest {
  private static final int BATCH_SIZE = 7;

  @Test
  public void theOnlyVersionThatItNamesIsTheModelsWhateverItIsCalled() {
    try (CapturedWarnings warnings = new CapturedWarnings(SettingsResolver.class)) {
      assertEquals(batchSize("1", false, "1.0"), BATCH_SIZE);
      assertEquals(
          warnings.lines(),
          List.of(
              "The setting models names version 1.0 of model m, which has version 1; the settings"
                  + " of that one version hold for it"));
    }
  }

  @Test
  public void theSameVersionIsMeantWithoutWarning() {
    try (CapturedWarnings warnings = new CapturedWarnings(SettingsResolver.class)) {
      assertEquals(batchSize("1.0", false, "1.0"), BATCH_SIZE);
      assertEquals(batchSize("1.0", true, "1.0"), BATCH_SIZE);
      assertTrue(warnings.lines().isEmpty(), warnings.lines().toString());
    }
  }

  @Test
  public void ofSeveralVersionsNoneIsGuessed() {
    assertEquals(batchSize("1", false, "1.0", "2.0"), 1);
  }

  @Test
  public void furtherVersionOfRegisteredModelIsNotMeant() {
    assertEquals(batchSize("2.0", true, "1.0"), 1);
  }

  /** The size that holds for model m of that version. */
  private static int batchSize(String version, boolean registered, String... named) {
    Map<String, ModelOverrides> versions = new HashMap<>();
    for (String name : named) {
      versions.put(name, overrides());
    }
    ServingSettings plain = ServingSettings.defaults(0, 1);
    ServingSettings server =
        new ServingSettings(
            plain.modelDefaults(),
            plain.timeouts(),
            plain.heartbeat(),
            plain.machine(),
            plain.initialWorkerPort(),
            plain.sequenceHeaders(),
            Map.of("m", versions));
    RegisterModel registration =
        new RegisterModel(
            new RegisterModel.Source("m.mar", false),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            RegisterModel.Requested.NOTHING,
            RegisterModel.Origin.OPERATOR,
            false);
    ModelArchive archive =
        new ModelArchive(
            "m.mar",
            "m.mar",
            Path.of("/m"),
            Optional.of(FakeModelSource.manifest("m", version)),
            ModelConfig.none(),
            true);
    return new SettingsResolver(server, name -> registered)
        .resolve(registration, archive)
        .settings()
        .batching()
        .size();
  }

  private static ModelOverrides overrides() {
    return new ModelOverrides(
        OptionalInt.empty(),
        OptionalInt.empty(),
        OptionalInt.of(BATCH_SIZE),
        Optional.<Duration>empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
