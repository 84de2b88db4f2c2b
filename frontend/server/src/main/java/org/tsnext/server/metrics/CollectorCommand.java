package org.tsnext.server.metrics;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.tsnext.archive.PrintableText;
import org.tsnext.server.machine.ToolRun;
import org.tsnext.worker.environment.ProcessEnvironment;

/** The operator's own collector, {@code system_metrics_cmd}, in place of what the server reads. */
final class CollectorCommand implements HostSource {
  /** All that a pipe holds without a reader. */
  private static final int MAX_PIDS = 4096;

  private static final String PYTHONPATH = "PYTHONPATH";

  /** A folder that is on the path of its own Python, and must not be on that of another. */
  private static final Pattern INSTALLED = Pattern.compile("(site|dist)-packages");

  private final Program program;
  private final ToolRun runs;
  private final Supplier<List<Long>> pids;
  private final UsageTable usage;
  private final Consumer<String> complaints;

  /**
   * What is run.
   *
   * @param home the folder above the package ts, in which it runs
   * @param environment all its variables
   */
  record Program(List<String> command, Path home, Map<String, String> environment) {
    Program {
      command = List.copyOf(command);
      environment = Map.copyOf(environment);
    }

    /**
     * The command of a setting, with the environment of workers.
     *
     * @param words joined by blanks
     */
    static Program of(String python, String words, Path home, ProcessEnvironment environment) {
      List<String> command = new ArrayList<>(List.of(words.strip().split("\\s+")));
      command.add(0, python);
      Map<String, String> variables = new TreeMap<>(environment.allowed());
      boolean installed = INSTALLED.matcher(home.toString()).find();
      if (!installed && !environment.isBlocked(PYTHONPATH)) {
        variables.merge(
            PYTHONPATH, home.toString(), (own, added) -> own + File.pathSeparator + added);
      }
      return new Program(command, home, variables);
    }
  }

  /**
   * @param pids of the workers
   * @param usage learns the memory of workers
   * @param complaints takes lines that are not understood
   */
  CollectorCommand(
      Program program,
      ToolRun runs,
      Supplier<List<Long>> pids,
      UsageTable usage,
      Consumer<String> complaints) {
    this.program = program;
    this.runs = runs;
    this.pids = pids;
    this.usage = usage;
    this.complaints = complaints;
  }

  @Override
  public String name() {
    return "system_metrics_cmd";
  }

  @Override
  public List<HostSample> read() throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(program.command()).directory(program.home().toFile());
    builder.environment().clear();
    builder.environment().putAll(program.environment());
    String input =
        pids.get().stream().limit(MAX_PIDS).map(String::valueOf).collect(Collectors.joining(","));
    ToolRun.Output output = runs.run(builder, input + "\n");
    if (output.exitCode() != 0) {
      throw new IOException(
          "exit status %d: %s"
              .formatted(output.exitCode(), PrintableText.of(output.stderr().strip())));
    }
    CollectorOutput collected = CollectorOutput.parse(output.stdout());
    collected
        .unknown()
        .ifPresent(line -> complaints.accept("not understood: " + PrintableText.of(line)));
    usage.memory(collected.memory());
    return collected.samples();
  }
}
