package org.tsnext.server.machine;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks {@code nvidia-smi} about GPUs, if that is on the path. Used by one thread. */
public final class NvidiaSmi implements GpuDetector.DeviceLister {
  private static final Logger LOGGER = LoggerFactory.getLogger(NvidiaSmi.class);
  private static final String TOOL = "nvidia-smi";
  private static final int OUTPUT_LIMIT = 64 * 1024;

  private final Map<String, String> environment;
  private final ToolRun runs;

  /**
   * @param environment the server's own, for {@code PATH}
   * @param timeout after which the tool is killed and counts as absent
   */
  public NvidiaSmi(Map<String, String> environment, Duration timeout) {
    this.environment = Map.copyOf(environment);
    this.runs = new ToolRun(timeout, OUTPUT_LIMIT);
  }

  @Override
  public Optional<String> list() {
    try {
      return query("--query-gpu=index");
    } catch (IOException e) {
      LOGGER.warn("No GPU is used: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return Optional.empty();
  }

  /**
   * Blocks until the tool has answered.
   *
   * @param question such as {@code --query-gpu=index}
   * @return its lines of values joined by commas, without a heading or units; empty if there is no
   *     such tool
   * @throws IOException if the tool fails or does not end in time
   */
  public Optional<String> query(String question) throws IOException, InterruptedException {
    Optional<Path> tool = find();
    if (tool.isEmpty()) {
      return Optional.empty();
    }
    try {
      ToolRun.Output output =
          runs.run(
              new ProcessBuilder(tool.get().toString(), question, "--format=csv,noheader,nounits"),
              "");
      if (output.exitCode() == 0) {
        return Optional.of(output.stdout());
      }
      // It tells its errors on stdout.
      String words = (output.stdout() + output.stderr()).strip();
      throw new IOException("exit status " + output.exitCode() + ": " + words);
    } catch (IOException e) {
      throw new IOException(tool.get() + " failed: " + e.getMessage(), e);
    }
  }

  private Optional<Path> find() {
    return Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, TOOL))
        .filter(path -> Files.isRegularFile(path) && Files.isExecutable(path))
        .findFirst();
  }
}
