package org.tsnext.core.history;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.Collections;
import java.util.List;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.testing.ManualTime;

/** The last lines of workers, however many they print. */
public class RecentLinesTest {

  private RecentLines lines;

  @BeforeMethod
  public void makeLines() {
    lines = new RecentLines(new ManualTime());
  }

  private static List<String> texts(List<RecentLines.Line> found) {
    return found.stream().map(RecentLines.Line::text).toList();
  }

  @Test
  public void linesBelongToTheVersionWhoseWorkerPrintedThem() {
    lines.add("W-9000-my-model_v_1.0", false, List.of("one"));
    lines.add("W-9001-my-model_v_1.0", true, List.of("two"));
    lines.add("W-9002-other_2.0", false, List.of("three"));
    lines.add("zygote", false, List.of("of nobody"));
    List<RecentLines.Line> found = lines.after(new VersionId("my-model_v", "1.0"), 0);
    assertEquals(texts(found), List.of("one", "two"));
    assertEquals(found.get(1).worker(), "9001");
    assertTrue(found.get(1).stderr());
    assertEquals(texts(lines.after(new VersionId("other", "2.0"), 0)), List.of("three"));
    assertEquals(lines.after(new VersionId("zygote", ""), 0), List.of());
  }

  @Test
  public void whoFollowsGetsWhatIsNew() {
    lines.add("W-1-m_1.0", false, List.of("one", "two"));
    List<RecentLines.Line> first = lines.after(new VersionId("m", "1.0"), 0);
    lines.add("W-1-m_1.0", false, List.of("three"));
    assertEquals(
        texts(lines.after(new VersionId("m", "1.0"), first.get(1).number())), List.of("three"));
  }

  @Test
  public void memoryIsBoundedByLinesCharactersAndVersions() {
    VersionId model = new VersionId("m", "1.0");
    for (int i = 0; i < 1000; i++) {
      lines.add("W-1-m_1.0", false, List.of("line " + i));
    }
    List<RecentLines.Line> kept = lines.after(model, 0);
    assertEquals(kept.size(), RecentLines.MAX_LINES);
    assertEquals(kept.get(kept.size() - 1).text(), "line 999");
    lines.add("W-1-m_1.0", false, Collections.nCopies(100, "x".repeat(1 << 20)));
    List<RecentLines.Line> cut = lines.after(model, 0);
    assertTrue(cut.get(0).text().length() <= RecentLines.MAX_LINE + 3);
    assertTrue(cut.stream().mapToInt(line -> line.text().length()).sum() <= 64 * 1024);
    for (int i = 0; i < 150; i++) {
      lines.add("W-1-n" + i + "_1.0", false, List.of("x"));
    }
    assertEquals(lines.after(model, 0), List.of());
    assertEquals(lines.after(new VersionId("n149", "1.0"), 0).size(), 1);
  }
}
