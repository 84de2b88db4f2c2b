package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.time.Duration;
import org.testng.annotations.Test;

public class ToolRunTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  private static ProcessBuilder shell(String script) {
    return new ProcessBuilder("/bin/sh", "-c", script);
  }

  @Test
  public void inputGoesInAndBothOutputsComeOut() throws Exception {
    ToolRun.Output output =
        new ToolRun(LONG, 100).run(shell("cat; echo broken >&2; exit 7"), "a\nb\n");
    assertEquals(output, new ToolRun.Output(7, "a\nb\n", "broken\n"));
  }

  @Test
  public void programThatDoesNotReadItsInputIsNoFailure() throws Exception {
    assertEquals(new ToolRun(LONG, 100).run(shell("exec true"), "x".repeat(30_000)).exitCode(), 0);
  }

  @Test(timeOut = 60_000)
  public void programThatHangsIsKilledWithItsChildren() {
    ToolRun runs = new ToolRun(Duration.ofMillis(300), 100);
    IOException failure =
        expectThrows(IOException.class, () -> runs.run(shell("sleep 987 & sleep 987"), ""));
    assertEquals(failure.getMessage(), "it did not end within 0 s");
    assertFalse(
        ProcessHandle.current()
            .descendants()
            .map(handle -> handle.info().commandLine().orElse(""))
            .anyMatch(line -> line.contains("sleep 987")));
  }

  @Test(timeOut = 60_000)
  public void programThatPrintsWithoutEndIsKilled() {
    IOException failure =
        expectThrows(
            IOException.class, () -> new ToolRun(LONG, 100_000).run(shell("exec yes"), ""));
    assertEquals(failure.getMessage(), "it printed more than 100000 octets");
  }

  @Test
  public void onlyTheBeginningOfErrorsIsKept() throws Exception {
    ToolRun.Output output =
        new ToolRun(LONG, 100).run(shell("yes | head -c 1000000 >&2; echo done"), "");
    assertEquals(output.stdout(), "done\n");
    assertEquals(output.stderr().length(), 4096);
  }

  @Test(timeOut = 60_000)
  public void outputThatIsStillHeldDelaysNothingAndStopsTheNextRun() throws Exception {
    ToolRun runs = new ToolRun(LONG, 100);
    // In a session of its own, so that nobody finds it as a child.
    ToolRun.Output output = runs.run(shell("setsid sh -c 'echo $$; exec sleep 986' & sleep 1"), "");
    long left = Long.parseLong(output.stdout().strip());
    ProcessHandle process = ProcessHandle.of(left).orElseThrow();
    try {
      assertEquals(output.exitCode(), 0);
      IOException failure = expectThrows(IOException.class, () -> runs.run(shell("echo"), ""));
      assertTrue(failure.getMessage().contains("still holds its output"), failure.getMessage());
    } finally {
      process.destroyForcibly();
    }
  }
}
