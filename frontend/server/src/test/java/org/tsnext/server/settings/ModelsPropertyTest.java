package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.Test;
import org.tsnext.core.model.ModelOverrides;

public class ModelsPropertyTest {
  @Test
  public void everyMemberIsRead() {
    ModelsProperty models =
        ModelsProperty.parse(
            """
            {"m": {"1.0": {"minWorkers": 1, "maxWorkers": 2, "batchSize": 8, "maxBatchDelay": 20,
            "responseTimeout": 30, "startupTimeout": 40, "runtimeType": "python3"},
            "2.0": {}}, "n": {"1.0": {"batchSize": 2}}}
            """);
    assertEquals(models.warnings(), List.of());
    assertEquals(
        models.byModel().get("m"),
        Map.of(
            "1.0",
            new ModelOverrides(
                OptionalInt.of(1),
                OptionalInt.of(2),
                OptionalInt.of(8),
                Optional.of(Duration.ofMillis(20)),
                Optional.of(Duration.ofSeconds(30)),
                Optional.of(Duration.ofSeconds(40)),
                Optional.of("python3")),
            "2.0",
            ModelOverrides.NONE));
    assertEquals(models.byModel().get("n").get("1.0").batchSize(), OptionalInt.of(2));
  }

  @Test
  public void valuesBelowOneCountAsAbsent() {
    ModelsProperty models =
        ModelsProperty.parse("{\"m\": {\"1.0\": {\"batchSize\": 0, \"minWorkers\": -1}}}");
    assertEquals(models.byModel().get("m").get("1.0"), ModelOverrides.NONE);
    assertEquals(models.warnings(), List.of());
  }

  @Test
  public void wrongTypesAreIgnoredWithAWarning() {
    ModelsProperty models =
        ModelsProperty.parse(
            "{\"m\": {\"1.0\": {\"batchSize\": \"8\", \"minWorkers\": 1.5, \"runtimeType\": \"R\"}}}");
    assertEquals(models.byModel().get("m").get("1.0"), ModelOverrides.NONE);
    assertEquals(models.warnings().size(), 3);
    assertTrue(
        models
            .warnings()
            .contains(
                "Invalid value for model: m 1.0: models: batchSize = \"8\": expected a whole number"),
        models.warnings().toString());
  }

  @Test
  public void fewerMaximumThanMinimumWorkersAreAWarning() {
    assertEquals(
        ModelsProperty.parse("{\"m\": {\"1.0\": {\"minWorkers\": 3, \"maxWorkers\": 2}}}")
            .warnings(),
        List.of(
            "Invalid value for model: m 1.0: models: maxWorkers = 2: expected at least minWorkers,"
                + " which is 3"));
  }

  @Test
  public void unknownMembersAreWarningsAndThoseOfTheOriginalAreNot() {
    ModelsProperty models =
        ModelsProperty.parse(
            "{\"m\": {\"1.0\": {\"defaultVersion\": true, \"marName\": \"m.mar\","
                + " \"parallelLevel\": 2, \"batchsize\": 3}}}");
    assertEquals(models.warnings(), List.of("models: batchsize is not known (model m 1.0)"));
  }
}
