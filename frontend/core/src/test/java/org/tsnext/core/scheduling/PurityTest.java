package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.testng.annotations.Test;

/** The scheduler decides and does nothing else: its package can name nothing that does. */
public class PurityTest {

  private static final Path PACKAGE = Path.of("src/main/java/org/tsnext/core/scheduling");

  /** Everything of ours that it may know: values, and no class that does anything. */
  private static final List<String> ALLOWED =
      List.of(
          "org.tsnext.core.error.ErrorKind",
          "org.tsnext.core.error.ServingException",
          "org.tsnext.core.request.RequestKind",
          "org.tsnext.core.request.ResponseHead",
          "org.tsnext.core.settings.Batching",
          "org.tsnext.core.settings.QueueLimits",
          "org.tsnext.core.settings.Timeouts",
          "org.tsnext.core.settings.VersionId",
          "org.tsnext.core.worker.WorkerAvailability");

  private static final Pattern IMPORT = Pattern.compile("import (?:static )?([\\w.]+);");

  /** Also written out in full, or by a keyword. */
  private static final Pattern IMPURE =
      Pattern.compile(
          "\\bsynchronized\\b|\\bThread\\b|\\bSystem\\.|\\bio\\.netty|\\bjava\\.util\\.concurrent"
              + "|\\borg\\.slf4j|\\bjava\\.io\\b|\\bjava\\.nio\\b|\\bClock\\b|\\bResponseSink\\b"
              + "|\\bWorkerProcess\\b|\\bRandom\\b|\\bInstant\\b");

  @Test
  public void schedulingImportsNoLockClockSinkBufferOrProcess() throws IOException {
    List<String> faults = new ArrayList<>();
    int files = 0;
    for (Path file : files()) {
      files++;
      String text = Files.readString(file);
      Matcher imports = IMPORT.matcher(text);
      while (imports.find()) {
        String name = imports.group(1);
        boolean pure = name.startsWith("java.time.Duration") || name.startsWith("java.util.");
        if (!pure && !ALLOWED.contains(name)) {
          faults.add(file.getFileName() + " imports " + name);
        }
      }
      Matcher impure = IMPURE.matcher(withoutComments(text));
      while (impure.find()) {
        faults.add(file.getFileName() + " names " + impure.group());
      }
    }
    assertEquals(faults, List.of());
    assertTrue(files > 10, "the sources are elsewhere: " + PACKAGE.toAbsolutePath());
  }

  @Test
  public void impurityIsFound() {
    assertTrue(
        IMPURE.matcher("private final ReentrantLock l = new java.util.concurrent.X()").find());
    assertTrue(IMPURE.matcher(withoutComments("/** a */ long now = System.nanoTime();")).find());
    assertEquals(withoutComments("a /* Thread */ b // Clock\nc"), "a  b \nc");
  }

  private static String withoutComments(String text) {
    return text.replaceAll("(?s)/\\*.*?\\*/", "").replaceAll("//[^\n]*", "");
  }

  private static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(PACKAGE)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }
}
