package org.tsnext.compatibility;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.testng.annotations.Test;

/** The page of deviations says what the table says, in its order. */
public class CompatibilityPageTest {

  private static final Path PAGE = Path.of("../../docs/compatibility.md");

  @Test
  public void pageIsTheTable() throws IOException {
    String expected = page();
    if (Boolean.getBoolean("tsnext.writeDocuments")) {
      Files.writeString(PAGE, expected);
    }
    assertEquals(
        Files.readString(PAGE),
        expected,
        PAGE + " is not what the table says; write it with -Dtsnext.writeDocuments=true");
  }

  @Test
  public void rowsSayWhatDiffersAndWhy() {
    for (Deviation row : Deviation.values()) {
      for (String text : List.of(row.original(), row.ours(), row.reason())) {
        assertFalse(text.isBlank(), row.name());
        assertFalse(text.contains("|") || text.endsWith("."), row.name() + ": " + text);
      }
      assertNotEquals(row.original(), row.ours(), row.name());
      assertTrue(row.setting().filter(String::isBlank).isEmpty(), row.name());
    }
  }

  private static String page() {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        # What differs from TorchServe 0.12

        Everything that a client, a handler, an archive or a script of TorchServe 0.12 relies on works unchanged, except
        for the rows below. They are written from the table in the code (`Deviation`). "Setting" names what changes a
        row, or brings the answer of 0.12 back; a row without one cannot be changed.
        """);
    for (Area area : Area.values()) {
      text.append("\n## ").append(area.title()).append("\n\n");
      text.append("| TorchServe 0.12 | TorchServe Next | why | setting |\n|---|---|---|---|\n");
      Arrays.stream(Deviation.values())
          .filter(row -> row.area() == area)
          .forEach(row -> text.append(line(row)));
    }
    return text.toString();
  }

  private static String line(Deviation row) {
    String setting = row.setting().map(key -> "`" + key + "`").orElse("–");
    return String.join(" | ", "| " + row.original(), row.ours(), row.reason(), setting + " |\n");
  }
}
