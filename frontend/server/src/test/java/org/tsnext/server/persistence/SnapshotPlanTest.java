package org.tsnext.server.persistence;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.persistence.SnapshotFolder.Moment;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader;
import org.tsnext.server.settings.SettingsLoader.Given;
import org.tsnext.server.snapshot.Samples;
import org.tsnext.server.snapshot.SavedModel;

/** Which state a start begins with. */
public class SnapshotPlanTest {
  private Path top;
  private Path config;
  private SnapshotFolder folder;
  private final Map<String, String> file = new HashMap<>();
  private final Map<String, Given> options = new HashMap<>();
  private final Map<String, String> environment = new HashMap<>();

  @BeforeMethod
  public void makeFolder() throws IOException {
    top = Files.createTempDirectory("tsnext-snapshots");
    config = top.resolve("config");
    folder = new SnapshotFolder(config, () -> Instant.EPOCH, ZoneOffset.UTC);
    file.clear();
    options.clear();
    environment.clear();
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(top)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private Settings settings() {
    return SettingsLoader.load(
        Optional.of(new ConfigFile(Path.of("/c.properties"), file)), options, environment);
  }

  private SnapshotPlan plan(boolean enabled, boolean fileIsNamed) {
    return SnapshotPlan.of(settings(), enabled, fileIsNamed, folder);
  }

  private static List<String> models(SnapshotPlan plan) {
    return plan.restored().stream()
        .flatMap(snapshot -> snapshot.models().stream())
        .map(SavedModel::name)
        .toList();
  }

  private void save(String... names) throws IOException {
    List<SavedModel> models =
        List.of(names).stream().map(name -> Samples.model(name, "1.0", name + ".mar")).toList();
    folder.write(Moment.SNAPSHOT, models, "1.0.0");
  }

  /** The whole set of properties that TorchServe 0.12 wrote, security flags and all. */
  private void writeAsTheOriginal(String name) throws IOException {
    Files.createDirectories(config);
    String json =
        "{\\n  \\\"models\\\"\\: {\\\"old\\\"\\: {\\\"1.0\\\"\\: {\\\"defaultVersion\\\"\\: true,"
            + " \\\"marName\\\"\\: \\\"gr\u00f6\u00dfe.mar\\\", \\\"minWorkers\\\"\\: 1,"
            + " \\\"maxWorkers\\\"\\: 1, \\\"batchSize\\\"\\: 1, \\\"maxBatchDelay\\\"\\: 100}}}}";
    Files.writeString(
        config.resolve(name),
        "#Saving snapshot\n#Tue Jan 01 00:00:00 UTC 2030\ndisable_token_authorization=true\n"
            + "enable_model_api=true\nkeystore_pass=secret\nmodel_snapshot="
            + json
            + "\n");
  }

  @Test
  public void newestSnapshotIsRestoredAndReportedWithItsFile() throws IOException {
    save("a");
    save("a", "b");
    SnapshotPlan plan = plan(true, false);
    assertEquals(models(plan), List.of("a", "b"));
    assertTrue(plan.notes().get(0).startsWith("Restoring the state of 2 model versions, saved at"));
    assertTrue(plan.notes().get(0).contains("-snapshot.cfg"), plan.notes().get(0));
    assertEquals(plan.warnings(), List.of());
  }

  @Test
  public void nothingSavedIsNothingRestored() {
    SnapshotPlan plan = plan(true, false);
    assertEquals(plan.restored(), Optional.empty());
    assertEquals(plan.notes(), List.of());
    assertTrue(plan.folder().isPresent());
  }

  @Test
  public void switchedOffNeitherReadsNorWrites() throws IOException {
    save("a");
    SnapshotPlan plan = plan(false, false);
    assertEquals(plan.restored(), Optional.empty());
    assertEquals(plan.folder(), Optional.empty());
  }

  @Test
  public void namedFileIsFollowedAsItStands() throws IOException {
    save("a");
    assertEquals(plan(true, true).restored(), Optional.empty());
    file.put(
        "model_snapshot",
        "{\"models\": {\"k8s\": {\"1.0\": {\"defaultVersion\": true, \"marName\": \"k.mar\","
            + " \"minWorkers\": 1, \"maxWorkers\": 1, \"batchSize\": 1, \"maxBatchDelay\": 1}}}}");
    assertEquals(models(plan(true, true)), List.of("k8s"));
    assertEquals(models(plan(false, true)), List.of("k8s"), "a setting like any other");
    assertEquals(models(plan(true, false)), List.of("a"), "what was saved last wins");
  }

  @Test
  public void modelsNamedOnTheCommandLineOrInTheEnvironmentWin() throws IOException {
    save("a");
    options.put("load_models", new Given("--models", "b.mar"));
    SnapshotPlan plan = plan(true, false);
    assertEquals(plan.restored(), Optional.empty());
    assertEquals(
        plan.notes(),
        List.of(
            "The state saved in "
                + config
                + " is not restored: models are named by command line --models."));
    options.clear();
    file.put("enable_envvars_config", "true");
    environment.put("TS_LOAD_MODELS", "b.mar");
    assertEquals(plan(true, false).restored(), Optional.empty());
  }

  @Test
  public void modelsOfTheFileGiveWayWithAWarning() throws IOException {
    save("a");
    file.put("load_models", "b.mar");
    SnapshotPlan plan = plan(true, false);
    assertEquals(models(plan), List.of("a"));
    assertTrue(
        plan.warnings().get(0).startsWith("load_models (file /c.properties) is not followed:"),
        plan.warnings().toString());
  }

  @Test
  public void brokenSnapshotIsPassedOverForTheOneBefore() throws IOException {
    save("a");
    Files.writeString(config.resolve("20300101000000000-startup.cfg"), "model_snapshot={");
    Files.writeString(config.resolve("20300101000000001-startup.cfg"), "a=\\u00zz");
    Files.writeString(config.resolve("20300101000000002-startup.cfg"), "nothing=here");
    Files.write(config.resolve("20300101000000003-startup.cfg"), new byte[0]);
    SnapshotPlan plan = plan(true, false);
    assertEquals(models(plan), List.of("a"));
    assertEquals(plan.warnings().size(), 4);
    assertTrue(plan.warnings().get(3).endsWith("is passed over: it is not a JSON object."));
  }

  @Test
  public void snapshotWithoutModelsLeavesTheSettings() throws IOException {
    save("a");
    save();
    file.put("load_models", "b.mar");
    SnapshotPlan plan = plan(true, false);
    assertEquals(plan.restored(), Optional.empty());
    assertTrue(plan.notes().get(0).endsWith("has no models: nothing is restored."));
  }

  @Test
  public void flagsAndSecretsOfASnapshotOfTheOriginalAreNotTakenOver() throws IOException {
    writeAsTheOriginal("20300101000000000-shutdown.cfg");
    SnapshotPlan plan = plan(true, false);
    assertEquals(models(plan), List.of("old"));
    assertEquals(plan.restored().get().models().get(0).marName(), "gr\u00f6\u00dfe.mar");
    assertEquals(settings().get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION), false);
    assertEquals(settings().get(ModelKeys.ENABLE_MODEL_API), false);
  }
}
