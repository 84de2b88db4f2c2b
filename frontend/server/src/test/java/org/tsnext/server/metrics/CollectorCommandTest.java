package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.machine.ToolRun;
import org.tsnext.worker.environment.ProcessEnvironment;

public class CollectorCommandTest {
  private static final String CPU =
      "CPUUtilization.Percent:12.5|#Level:Host|#hostname:h,1700000000";

  private FakeRoot root;
  private final UsageTable usage = new UsageTable();
  private final List<String> complaints = new ArrayList<>();

  @BeforeMethod
  public void makeHome() throws IOException {
    root = new FakeRoot();
    Files.createDirectory(root.path().resolve("home"));
    complaints.clear();
  }

  @AfterMethod
  public void removeHome() throws IOException {
    root.close();
  }

  private Path home() {
    return root.path().resolve("home");
  }

  /** The interpreter is a script, so that tests need no Python. */
  private List<HostSample> run(String script, Map<String, String> environment)
      throws IOException, InterruptedException {
    Path python = root.script("a python", script);
    return new CollectorCommand(
            CollectorCommand.Program.of(
                python.toString(),
                " collect.py  --gpu 2 ",
                home(),
                new ProcessEnvironment(
                    environment, Optional.of(Pattern.compile("HIDDEN.*")), Set.of("SECRET"))),
            new ToolRun(Duration.ofSeconds(60), 100_000),
            () -> List.of(4711L, 12L),
            usage,
            complaints::add)
        .read();
  }

  private String seen(String file) throws IOException {
    return Files.readString(home().resolve(file));
  }

  @Test
  public void commandRunsInTheHomeFolderWithItsWordsAndThePidsOfWorkers() throws Exception {
    List<HostSample> samples =
        run(
            "printf '%s\\n' \"$@\" >words; cat >stdin; echo '" + CPU + "'; echo; echo 4711:4096",
            Map.of("PATH", System.getenv("PATH")));
    assertEquals(samples, List.of(HostSample.of("CPUUtilization", 12.5)));
    assertEquals(usage.memoryBytes(4711), 4096);
    assertEquals(usage.memoryBytes(12), 0);
    assertEquals(seen("words"), "collect.py\n--gpu\n2\n");
    assertEquals(seen("stdin"), "4711,12\n");
    assertEquals(complaints, List.of());
  }

  @Test
  public void commandGetsTheEnvironmentOfWorkers() throws Exception {
    run(
        "env >environment",
        Map.of(
            "PATH", System.getenv("PATH"), "HIDDEN_ONE", "1", "SECRET", "2", "PYTHONPATH", "/own"));
    String environment = seen("environment");
    assertTrue(environment.contains("PYTHONPATH=/own:" + home() + "\n"), environment);
    assertTrue(!environment.contains("HIDDEN_ONE") && !environment.contains("SECRET"), environment);
  }

  @Test
  public void commandThatFailsIsReported() {
    IOException failure =
        expectThrows(
            IOException.class, () -> run("echo '" + CPU + "'; echo no >&2; exit 3", Map.of()));
    assertEquals(failure.getMessage(), "exit status 3: no");
  }

  @Test
  public void commandThatIsMissingIsReported() {
    CollectorCommand command =
        new CollectorCommand(
            CollectorCommand.Program.of(
                "/no/python",
                "x",
                home(),
                new ProcessEnvironment(Map.of(), Optional.empty(), Set.of())),
            new ToolRun(Duration.ofSeconds(60), 100_000),
            List::of,
            usage,
            complaints::add);
    IOException failure = expectThrows(IOException.class, command::read);
    assertTrue(failure.getMessage().contains("/no/python"), failure.getMessage());
  }

  @Test
  public void linesThatAreNoMetricsAreReportedWithoutControlCharacters() throws Exception {
    run("printf 'gar\\033bage\\n'", Map.of("PATH", System.getenv("PATH")));
    assertEquals(complaints, List.of("not understood: gar\\u001bbage"));
  }

  @Test
  public void packagesOfAnotherPythonAreNotPutOnItsPath() {
    Map<String, String> utf8 = Map.of("PYTHONUTF8", "1");
    Path installed = Path.of("/venv/lib/python3/site-packages");
    ProcessEnvironment none = new ProcessEnvironment(Map.of(), Optional.empty(), Set.of());
    assertEquals(CollectorCommand.Program.of("p", "x", installed, none).environment(), utf8);
    ProcessEnvironment blocked =
        new ProcessEnvironment(Map.of(), Optional.of(Pattern.compile("PYTHON.*")), Set.of());
    assertEquals(CollectorCommand.Program.of("p", "x", home(), blocked).environment(), utf8);
  }
}
