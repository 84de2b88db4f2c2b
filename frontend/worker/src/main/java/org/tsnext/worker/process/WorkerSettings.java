package org.tsnext.worker.process;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.worker.environment.ProcessEnvironment;

/** What all workers of a server have in common. */
public record WorkerSettings(
    PythonSettings python, SocketFolder socket, HandlerSettings handlers, BodyLimits bodies) {

  public WorkerSettings {
    Objects.requireNonNull(python, "python");
    Objects.requireNonNull(socket, "socket");
    Objects.requireNonNull(handlers, "handlers");
    Objects.requireNonNull(bodies, "bodies");
  }

  /**
   * How Python is started.
   *
   * @param interpreter of {@code init}, the zygote and workers: a path, or a name to look up
   * @param packageDirectory the folder of the Python package {@code ts}
   * @param importHistory where it is kept what workers of an archive import
   * @param cores which cores workers have for themselves
   */
  public record PythonSettings(
      String interpreter,
      Path packageDirectory,
      ProcessEnvironment environment,
      Path importHistory,
      OwnCores cores) {

    public PythonSettings {
      Objects.requireNonNull(interpreter, "interpreter");
      Objects.requireNonNull(packageDirectory, "packageDirectory");
      Objects.requireNonNull(environment, "environment");
      Objects.requireNonNull(importHistory, "importHistory");
      Objects.requireNonNull(cores, "cores");
    }
  }

  /**
   * Cores that a worker does not share with others.
   *
   * @param enabled {@code cpu_launcher_enable}; a model may say otherwise
   * @param words {@code cpu_launcher_args}
   */
  public record OwnCores(boolean enabled, String words) {

    /** None, unless a model asks for them. */
    public static final OwnCores OFF = new OwnCores(false, "");

    public OwnCores {
      Objects.requireNonNull(words, "words");
    }
  }

  /**
   * Where workers connect.
   *
   * @param temporaryDirectory where the private folder of the socket is made
   * @param unix whether to listen on a Unix-domain socket where the transport has them
   */
  public record SocketFolder(Path temporaryDirectory, boolean unix) {

    public SocketFolder {
      Objects.requireNonNull(temporaryDirectory, "temporaryDirectory");
    }
  }

  /**
   * What handlers get.
   *
   * @param metricsConfig metrics.yaml for handlers
   */
  public record HandlerSettings(
      HandlerSwitches switches, SequenceHeaders sequenceHeaders, Optional<Path> metricsConfig) {

    public HandlerSettings {
      Objects.requireNonNull(switches, "switches");
      Objects.requireNonNull(sequenceHeaders, "sequenceHeaders");
      Objects.requireNonNull(metricsConfig, "metricsConfig");
    }
  }

  /**
   * How large bodies may be.
   *
   * @param maxRequestSize {@code max_request_size} in bytes
   * @param maxResponseSize {@code max_response_size} in bytes
   */
  public record BodyLimits(int maxRequestSize, int maxResponseSize) {

    public BodyLimits {
      if (maxRequestSize < 1 || maxResponseSize < 1) {
        throw new IllegalArgumentException(
            "max_request_size and max_response_size are "
                + maxRequestSize
                + " and "
                + maxResponseSize
                + ", expected at least 1");
      }
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
   * @param timesOfEachCall whether the times of handlers are told for each call, not once a second
   */
  public record HandlerSwitches(
      boolean decodeInputRequest,
      boolean limitMaxImagePixels,
      boolean ipexEnable,
      boolean ipexGpuEnable,
      int maxImagePixels,
      String jsonNan,
      boolean timesOfEachCall) {}
}
