package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.oneOf;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.settings.Settings.Source;

/**
 * Whether the server serves KServe's protocols on KServe's ports, as the wrapper of TorchServe 0.12
 * did, without tokens for inference.
 *
 * @param reason why, for people; empty where it is off
 */
public record KServe(boolean on, String reason) {

  /** The address at which KServe finds versions 1 and 2 of its protocol over HTTP. */
  public static final ListenAddress.Tcp HTTP = new ListenAddress.Tcp("0.0.0.0", 8080);

  /** The address at which KServe finds the Open Inference Protocol over gRPC; not HTTP. */
  public static final ListenAddress.Tcp GRPC = new ListenAddress.Tcp("0.0.0.0", 8081);

  /** The setting that decides. */
  public static final SettingKey<String> KEY =
      SettingKey.of(
              "kserve",
              oneOf("auto", "true", "false"),
              "Whether KServe v1 and v2 are served over HTTP on port 8080 and the Open Inference"
                  + " Protocol over gRPC on port 8081 of every address, whatever inference_address"
                  + " says, and inference needs no token on any address. auto: where KServe starts the"
                  + " server, that is where the environment has PROTOCOL_VERSION and"
                  + " TS_SERVICE_ENVELOPE, and the model store is below /mnt/models.")
          .withDefault("auto");

  static final List<SettingKey<?>> KEYS = List.of(KEY);

  private static final KServe OFF = new KServe(false, "");

  /** What KServe sets for its containers; a user's own server has hardly both of them. */
  private static final List<String> VARIABLES = List.of("PROTOCOL_VERSION", "TS_SERVICE_ENVELOPE");

  /** Where KServe mounts models. */
  private static final Path MOUNT = Path.of("/mnt/models");

  /**
   * Decides for a start.
   *
   * @param mode of {@link #KEY}
   * @param source of the mode
   * @param modelStore if there is one
   * @param environment the process's own
   */
  static KServe of(
      String mode, Source source, Optional<Path> modelStore, Map<String, String> environment) {
    return switch (mode) {
      case "true" -> new KServe(true, "kserve = true, " + source);
      case "auto" ->
          VARIABLES.stream().noneMatch(name -> environment.getOrDefault(name, "").isBlank())
                  && modelStore.filter(KServe::isMounted).isPresent()
              ? new KServe(
                  true,
                  "kserve = auto: "
                      + String.join(" and ", VARIABLES)
                      + " are set, and the model store is below "
                      + MOUNT)
              : OFF;
      default -> OFF;
    };
  }

  private static boolean isMounted(Path modelStore) {
    return modelStore.toAbsolutePath().normalize().startsWith(MOUNT);
  }

  /** The problems of listeners that have the ports which KServe needs. */
  static List<SettingProblem> check(Settings settings) {
    List<SettingProblem> problems = new ArrayList<>();
    if (!settings.kserve().on()) {
      return problems;
    }
    for (SettingKey<ListenAddress> key : ListenerKeys.opened(settings)) {
      if (settings.get(key) instanceof ListenAddress.Tcp tcp) {
        check(settings, key, tcp.port(), tcp.toString(), problems);
      }
    }
    if (settings.get(GrpcKeys.ENABLE_GRPC_API)) {
      for (SettingKey<Integer> key : List.of(GrpcKeys.INFERENCE_PORT, GrpcKeys.MANAGEMENT_PORT)) {
        int port = settings.get(key);
        check(settings, key, port, String.valueOf(port), problems);
      }
    }
    return problems;
  }

  private static void check(
      Settings settings, SettingKey<?> key, int port, String value, List<SettingProblem> problems) {
    boolean grpc = settings.get(GrpcKeys.ENABLE_GRPC_API);
    if (port == HTTP.port() || (grpc && port == GRPC.port())) {
      problems.add(
          SettingsLoader.problem(
              key,
              value,
              settings.source(key),
              "KServe is on (%s) and has port %d for itself: expected another port, such as 8085 of KServe's examples, or kserve=false"
                  .formatted(settings.kserve().reason(), port)));
    }
  }
}
