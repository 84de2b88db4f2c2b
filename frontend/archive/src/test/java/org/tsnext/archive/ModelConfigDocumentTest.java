package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.testng.annotations.Test;

/** {@code docs/model-config.md} is what the table of keys says. */
public class ModelConfigDocumentTest {

  @Test
  public void pageIsTheTable() throws IOException {
    Path file = repository().resolve("docs").resolve("model-config.md");
    String expected = markdown();
    if (Boolean.getBoolean("tsnext.writeDocuments")) {
      Files.writeString(file, expected);
    }
    assertEquals(Files.readString(file), expected, file + " is not what the table says");
  }

  @Test
  public void everyExampleIsRead() throws ArchiveException {
    ModelConfigReader reader = new ModelConfigReader();
    for (ModelConfigKeys.Key key : ModelConfigKeys.FRONTEND) {
      String line = key.name() + ": " + key.example();
      ModelConfig read = reader.parse(line + "\n", "model-config.yaml");
      assertNotEquals(read, ModelConfig.none(), line);
      assertEquals(read.findings(), ModelConfig.none().findings(), line);
    }
  }

  private static String markdown() throws IOException {
    StringBuilder table = new StringBuilder("| key | accepted | example | if absent | meaning |\n");
    table.append("|---|---|---|---|---|\n");
    for (ModelConfigKeys.Key key : ModelConfigKeys.FRONTEND) {
      table.append("| `").append(key.name()).append("` | ").append(key.accepted());
      table.append(" | `").append(key.example()).append('`');
      table.append(" | ").append(key.fallback()).append(" | ").append(key.meaning());
      table.append(" |\n");
    }
    return resource("model-config.md").replace("{table}\n", table);
  }

  private static String resource(String name) throws IOException {
    return new String(
        ModelConfigDocumentTest.class.getResourceAsStream(name).readAllBytes(),
        StandardCharsets.UTF_8);
  }

  private static Path repository() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("frontend"))) {
      folder = folder.getParent();
    }
    return folder;
  }
}
