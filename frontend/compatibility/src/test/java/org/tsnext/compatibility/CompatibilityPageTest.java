package org.tsnext.compatibility;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertThrows;
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

  @Test
  public void settingHasOneValueForAllItsRows() {
    for (Deviation row : Deviation.values()) {
      if (row.switched() instanceof Switched.Key key) {
        assertEquals(Compatibility.ORIGINAL.defaults().get(key.name()), key.value(), row.name());
      }
    }
  }

  @Test
  public void onlyRowsThatTheTableGivesToTheSwitchCanBeAskedFor() {
    assertTrue(Compatibility.ORIGINAL.isOriginal(Deviation.TIMEOUT_STATUS));
    assertFalse(Compatibility.NEXT.isOriginal(Deviation.TIMEOUT_STATUS));
    for (Deviation row : List.of(Deviation.HOST_CHECK, Deviation.TOKEN_STATUS)) {
      assertThrows(IllegalArgumentException.class, () -> Compatibility.ORIGINAL.isOriginal(row));
    }
  }

  @Test
  public void switchOpensTheUrlsOfModelsAndNothingElse() {
    assertEquals(Compatibility.NEXT.openings(), List.of());
    assertEquals(Compatibility.ORIGINAL.openings(), List.of(Deviation.ALLOWED_URLS));
  }

  private static String page() {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        # What differs from TorchServe 0.12

        Everything that a client, a handler, an archive or a script of TorchServe 0.12 relies on works unchanged, except
        for the rows below. They are written from the table in the code (`Deviation`). "Setting" names what changes a
        row, or brings the answer of 0.12 back.

        ## One switch

        `compatibility=0.12` in the settings file, `--compatibility 0.12` or `TS_COMPATIBILITY=0.12` brings the answers
        of 0.12 back where the last column says "as 0.12", or gives a setting the value that it had there. It never
        changes a setting that you give, and it changes no row that protects the server or its clients; the column says
        why a row stays. The start lists each row that opens something.
        """);
    for (Area area : Area.values()) {
      text.append("\n## ").append(area.title()).append("\n\n");
      text.append("| TorchServe 0.12 | TorchServe Next | why | setting | `compatibility=0.12` |\n");
      text.append("|---|---|---|---|---|\n");
      Arrays.stream(Deviation.values())
          .filter(row -> row.area() == area)
          .forEach(row -> text.append(line(row)));
    }
    return text.toString();
  }

  private static String line(Deviation row) {
    String setting = row.setting().map(key -> "`" + key.replace("|", "\\|") + "`").orElse("–");
    return String.join(
        " | ",
        "| " + row.original(),
        row.ours(),
        row.reason(),
        setting,
        switched(row.switched()) + " |\n");
  }

  private static String switched(Switched switched) {
    if (switched instanceof Switched.Stays stays) {
      return "stays" + stays.reason().map(reason -> ": " + reason).orElse("");
    }
    return switched
        .assignment()
        .map(setting -> "`" + setting.replace("|", "\\|") + "`")
        .orElse("as 0.12");
  }
}
