package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.time.Duration;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.WorkflowSpec.Options;

public class WorkflowSpecReaderTest {

  private final WorkflowSpecReader reader = new WorkflowSpecReader();

  @Test
  public void defaultsHoldForAllModelsWhereverTheyStand() throws ArchiveException {
    WorkflowSpec spec =
        reader.parse(
            """
            models:
              m1:
                url: model1.mar
                batch-size: 8
              min-workers: 1
              max-workers: 4
              batch-size: 4
              max-batch-delay: 5
              retry-attempts: 3
              timeout-ms: 5000
            dag:
              pre_processing: [m1]
              m1: [post_processing]
              post_processing:
            """,
            "spec.yaml");
    Options defaults = new Options(1, 4, 4, Duration.ofMillis(5), 3, Duration.ofSeconds(5));
    assertEquals(spec.defaults(), defaults);
    assertEquals(spec.models().get("m1").url(), "model1.mar");
    assertEquals(
        spec.models().get("m1").options(),
        new Options(1, 4, 8, Duration.ofMillis(5), 3, Duration.ofSeconds(5)));
    assertEquals(
        List.copyOf(spec.dag().keySet()), List.of("pre_processing", "m1", "post_processing"));
    assertEquals(spec.dag().get("post_processing"), List.of());
  }

  @Test
  public void whatIsNotSaidIsAsInTorchServe() throws ArchiveException {
    WorkflowSpec spec = reader.parse("models: {m: {url: m.mar}}\ndag: {m: [post]}", "spec.yaml");
    assertEquals(
        spec.models().get("m").options(),
        new Options(1, 1, 1, Duration.ofMillis(50), 1, Duration.ofSeconds(10)));
  }

  @Test
  public void modelMayBeNamedLikeAKey() throws ArchiveException {
    WorkflowSpec spec =
        reader.parse("models: {batch-size: {url: m.mar}}\ndag: {batch-size: []}", "spec.yaml");
    assertEquals(spec.models().get("batch-size").url(), "m.mar");
  }

  @DataProvider
  public Object[][] refused() {
    return new Object[][] {
      {"", "is not a map"},
      {"- a", "is not a map"},
      {"models: {m: {url: m.mar}}", "has no dag"},
      {"dag: {a: [b]}", "has no models"},
      {"models: 3\ndag: {a: [b]}", "models is 3"},
      {"models: {m: {}}\ndag: {m: []}", "models.m.url is"},
      {"models: {m: {url: 3}}\ndag: {m: []}", "models.m.url is 3"},
      {"models: {m: {url: m.mar, batch-size: 0}}\ndag: {m: []}", "models.m.batch-size is 0"},
      {
        "models: {m: {url: m.mar, timeout-ms: soon}}\ndag: {m: []}", "models.m.timeout-ms is 'soon'"
      },
      {
        "models: {m: {url: m.mar, min-workers: 3, max-workers: 2}}\ndag: {m: []}",
        "models.m.max-workers is 2"
      },
      {"models: {batch: 4}\ndag: {m: []}", "models.batch is 4"},
      {"models: {}\ndag: {m: post}", "dag.m is 'post'"},
      {"models: {}\ndag: {m: [{a: b}]}", "dag.m is a map"},
      {"models: {}\ndag: {m: !!java.lang.String [x", "spec.yaml is not valid"},
      {"models: {}\ndag: {a: &a [*a]}", "spec.yaml"},
    };
  }

  @Test(dataProvider = "refused")
  public void wrongValuesAreNamed(String text, String part) {
    ArchiveException error =
        expectThrows(ArchiveException.class, () -> reader.parse(text, "spec.yaml"));
    assertEquals(error.reason(), ArchiveException.Reason.INVALID);
    assertTrue(error.getMessage().contains(part), error.getMessage());
  }

  @Test
  public void numberOfNodesIsLimited() {
    StringBuilder dag = new StringBuilder("models: {}\ndag:\n");
    for (int i = 0; i <= WorkflowSpecReader.MAX_NODES; i++) {
      dag.append("  n").append(i).append(": []\n");
    }
    ArchiveException error =
        expectThrows(ArchiveException.class, () -> reader.parse(dag.toString(), "spec.yaml"));
    assertTrue(error.getMessage().contains("expected at most 64"), error.getMessage());
  }
}
