package org.tsnext.worker.environment;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.testng.annotations.Test;
import org.tsnext.worker.Condition;

public class CommandRunTest {

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Map<String, String> ENVIRONMENT = Map.of("PATH", System.getenv("PATH"));

  @Test
  public void moreOutputThanAPipeHoldsIsReadWhileItRuns() throws Exception {
    CommandRun.Result result =
        sh(
            "i=0; while [ $i -lt 9000 ]; do echo line-number-$i >&2; " + "i=$((i+1)); done; exit 3",
            LONG);
    assertEquals(result.exitCode(), 3);
    assertEquals(result.lastLines().size(), 40);
    assertTrue(result.text().endsWith("line-number-8999"));
  }

  @Test
  public void aCommandIsKilledAtItsDeadlineWithItsChildren() throws Exception {
    // On a busy machine the shell may need longer than that to begin: then it is given more.
    Duration limit = Duration.ofMillis(250);
    CommandRun.Result result;
    do {
      limit = limit.multipliedBy(2);
      result = sh("sleep 100 & echo $!; wait", limit);
    } while (result.lastLines().size() < 2 && limit.compareTo(LONG) < 0);
    assertFalse(result.succeeded());
    // Between the two, some shells say that their child was killed.
    List<String> lines = result.lastLines();
    assertEquals(lines.get(lines.size() - 1), "killed after " + limit.toSeconds() + " s");
    long child = Long.parseLong(lines.get(0));
    Condition.await(LONG, () -> !runs(child), () -> "end of the child");
  }

  /** Whether it has a command line: one that was killed, but not yet reaped, has none. */
  private static boolean runs(long pid) {
    return ProcessHandle.of(pid).flatMap(handle -> handle.info().commandLine()).isPresent();
  }

  @Test
  public void standardInputIsEmpty() throws Exception {
    assertEquals(sh("cat; echo end", LONG).text(), "end");
  }

  @Test
  public void whatCannotBeStartedThrows() {
    assertThrows(
        IOException.class,
        () -> CommandRun.run(List.of("/no/such"), Path.of("/"), ENVIRONMENT, LONG, line -> {}));
  }

  private static CommandRun.Result sh(String script, Duration timeout) throws Exception {
    return CommandRun.run(
        List.of("/bin/sh", "-c", script), Path.of("/"), ENVIRONMENT, timeout, line -> {});
  }
}
