package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    // A killed process is there for a moment more.
    while (isAlive("sleep 987")) {
      Thread.onSpinWait();
    }
  }

  /** Its parent process at this time. */
  private static boolean isAlive(String command) {
    return ProcessHandle.allProcesses()
        .map(handle -> handle.info().commandLine().orElse(""))
        .anyMatch(line -> line.endsWith(command));
  }

  @Test(timeOut = 60_000)
  public void programThatPrintsWithoutEndIsKilled() {
    IOException failure =
        expectThrows(
            IOException.class, () -> new ToolRun(LONG, 100_000).run(shell("exec yes"), ""));
    assertEquals(failure.getMessage(), "it printed more than 100000 bytes");
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
    Path begun = Files.createTempDirectory("tsnext-tool").resolve("begun");
    // In a session of its own, so that it is not found as a child.
    String holder = "setsid sh -c 'echo $$; touch " + begun + "; exec sleep 986' & ";
    String wait = "until [ -e " + begun + " ]; do sleep 0.02; done";
    ToolRun.Output output = runs.run(shell(holder + wait), "");
    Files.delete(begun);
    Files.delete(begun.getParent());
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
