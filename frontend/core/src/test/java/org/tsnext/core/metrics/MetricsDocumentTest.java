package org.tsnext.core.metrics;

import static org.testng.Assert.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.testng.annotations.Test;

/** The tables of docs/metrics.md. */
public class MetricsDocumentTest {

  private static final String BEGIN = "<!-- tables -->\n";
  private static final String END = "<!-- end of tables -->\n";

  @Test
  public void documentListsEveryMetricOfTheServer() throws IOException {
    Path file = repository().resolve("docs").resolve("metrics.md");
    String text = Files.readString(file);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END);
    if (Boolean.getBoolean("tsnext.writeDocuments")) {
      Files.writeString(file, text.substring(0, begin) + tables() + text.substring(end));
    } else {
      assertEquals(text.substring(begin, end), tables());
    }
  }

  private static String tables() {
    StringBuilder tables = new StringBuilder();
    for (ServerMetric.Origin origin : ServerMetric.Origin.values()) {
      tables.append("\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
      for (ServerMetric metric : ServerMetric.values()) {
        if (metric.origin() == origin) {
          row(tables, metric.definition(), metric.meaning());
        }
      }
    }
    row(
        tables,
        new MetricRegistry(1).find(MetricRegistry.DROPPED).orElseThrow().definition(),
        "Values that were left out because their metric has too many combinations of labels");
    return tables.append('\n').toString();
  }

  private static void row(StringBuilder tables, MetricDefinition definition, String meaning) {
    tables.append("| `").append(definition.name()).append("` | ");
    tables.append(definition.type().word()).append(" | ").append(definition.unit()).append(" | ");
    tables.append(labels(definition.dimensions())).append(" | ").append(meaning).append(" |\n");
  }

  private static String labels(List<String> dimensions) {
    return dimensions.stream().map(name -> "`" + name + "`").collect(Collectors.joining(", "));
  }

  private static Path repository() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("frontend"))) {
      folder = folder.getParent();
    }
    return folder;
  }
}
