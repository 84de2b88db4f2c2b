package org.tsnext.server.machine;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lists GPUs with {@code nvidia-smi}, if that is on the path. */
public final class NvidiaSmi implements GpuDetector.DeviceLister {
  private static final Logger LOGGER = LoggerFactory.getLogger(NvidiaSmi.class);
  private static final String TOOL = "nvidia-smi";
  private static final int OUTPUT_LIMIT = 64 * 1024;

  private final Map<String, String> environment;
  private final Duration timeout;

  /**
   * @param environment the server's own, for {@code PATH}
   * @param timeout after which the tool is killed and counts as absent
   */
  public NvidiaSmi(Map<String, String> environment, Duration timeout) {
    this.environment = Map.copyOf(environment);
    this.timeout = timeout;
  }

  @Override
  public Optional<String> list() {
    return find().flatMap(this::run);
  }

  private Optional<Path> find() {
    return Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, TOOL))
        .filter(path -> Files.isRegularFile(path) && Files.isExecutable(path))
        .findFirst();
  }

  private Optional<String> run(Path tool) {
    Process process;
    try {
      process =
          new ProcessBuilder(tool.toString(), "--query-gpu=index", "--format=csv,noheader,nounits")
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      LOGGER.warn("{} cannot be run, so that no GPU is used: {}", tool, e.getMessage());
      return Optional.empty();
    }
    // Read aside: a tool that hangs must not take the start with it.
    CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> read(process));
    try {
      String text = output.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      if (process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS) && process.exitValue() == 0) {
        return Optional.of(text);
      }
      LOGGER.warn("{} failed, so that no GPU is used: {}", tool, text.strip());
    } catch (TimeoutException e) {
      LOGGER.warn("{} did not answer within {}, so that no GPU is used", tool, timeout);
    } catch (ExecutionException e) {
      LOGGER.warn("{} could not be read, so that no GPU is used", tool, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      process.destroyForcibly();
    }
    return Optional.empty();
  }

  private static String read(Process process) {
    try (InputStream in = process.getInputStream()) {
      return new String(in.readNBytes(OUTPUT_LIMIT), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
