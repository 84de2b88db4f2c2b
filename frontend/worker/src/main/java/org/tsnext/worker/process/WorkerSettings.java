package org.tsnext.worker.process;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.worker.environment.ProcessEnvironment;

/**
 * What all workers of a server have in common.
 *
 * @param python interpreter of {@code init}, the zygote and workers: a path, or a name to look up
 * @param packageDirectory the folder of the Python package {@code ts}
 * @param temporaryDirectory where the private folder of the socket is made
 * @param unixSockets whether to listen on a Unix-domain socket where the transport has them
 * @param metricsConfig metrics.yaml for handlers
 * @param maxRequestSize {@code max_request_size} in bytes
 * @param maxResponseSize {@code max_response_size} in bytes
 */
public record WorkerSettings(
    String python,
    Path packageDirectory,
    Path temporaryDirectory,
    boolean unixSockets,
    ProcessEnvironment environment,
    HandlerSwitches switches,
    SequenceHeaders sequenceHeaders,
    Optional<Path> metricsConfig,
    int maxRequestSize,
    int maxResponseSize) {

  public WorkerSettings {
    Objects.requireNonNull(python, "python");
    Objects.requireNonNull(packageDirectory, "packageDirectory");
    Objects.requireNonNull(temporaryDirectory, "temporaryDirectory");
    Objects.requireNonNull(environment, "environment");
    Objects.requireNonNull(switches, "switches");
    Objects.requireNonNull(sequenceHeaders, "sequenceHeaders");
    Objects.requireNonNull(metricsConfig, "metricsConfig");
    if (maxRequestSize < 1 || maxResponseSize < 1) {
      throw new IllegalArgumentException(
          "max_request_size and max_response_size are "
              + maxRequestSize
              + " and "
              + maxResponseSize
              + ", expected at least 1");
    }
  }

  /**
   * Server-wide switches that handlers see.
   *
   * @param decodeInputRequest {@code decode_input_request}
   * @param limitMaxImagePixels {@code limit_max_image_pixels}
   * @param ipexEnable {@code ipex_enable}
   * @param ipexGpuEnable {@code ipex_gpu_enable}
   * @param maxImagePixels {@code max_image_pixels}
   * @param jsonNan {@code json_nan}
   */
  public record HandlerSwitches(
      boolean decodeInputRequest,
      boolean limitMaxImagePixels,
      boolean ipexEnable,
      boolean ipexGpuEnable,
      int maxImagePixels,
      String jsonNan) {}
}
