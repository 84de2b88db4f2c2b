package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tsnext.archive.remote.AllowedUrls;
import org.tsnext.compatibility.Deviation;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.settings.GrpcKeys;
import org.tsnext.server.settings.KServe;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.SettingTable;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SourceKeys;

/** Says which settings of a start open the server to others. */
final class RiskWarnings {
  /** What no list of an operator's own places matches. */
  private static final List<String> UNLIKELY_URLS =
      List.of(
          "http://x.example/",
          "http://x.example/m.mar",
          "https://x.example/m.mar",
          "s3://x-example/m.mar",
          "file:///x",
          "file:///x/m.mar");

  private static final String ASK_FOR_KEYS = "disable_token_authorization=false";

  /**
   * What any client that reaches a listener can do.
   *
   * @param remedy the setting that asks for a key
   */
  private record Reach(String what, boolean needsKey, String remedy) {}

  private RiskWarnings() {}

  /** One sentence per risk. */
  static List<String> of(Settings settings) {
    List<String> warnings = new ArrayList<>();
    if (settings.kserve().on()) {
      warnings.add(kserve(settings));
    }
    if (settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)) {
      warnings.add(
          "Token authorization is off (disable_token_authorization, %s): any client that can reach the server can use it."
              .formatted(settings.source(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)));
    }
    if (settings.get(ModelKeys.ENABLE_MODEL_API)) {
      warnings.add(
          "The model API is on (enable_model_api, %s): any client %s can register models, which run code as this user."
              .formatted(
                  settings.source(ModelKeys.ENABLE_MODEL_API),
                  settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)
                      ? "that can reach the management address"
                      : "with the management token"));
    }
    AllowedUrls urls = new AllowedUrls(settings.find(SourceKeys.ALLOWED_URLS).orElse(List.of()));
    List<String> open = UNLIKELY_URLS.stream().filter(urls::allows).toList();
    if (!open.isEmpty()) {
      warnings.add(
          "allowed_urls (%s) is very open: it matches even %s. Any client that may register models can load them from there."
              .formatted(settings.source(SourceKeys.ALLOWED_URLS), String.join(", ", open)));
    }
    for (Deviation row : settings.get(ServerKeys.COMPATIBILITY).openings()) {
      row.setting()
          .filter(setting -> isFromSwitch(settings, setting))
          .ifPresent(
              setting ->
                  warnings.add(
                      "compatibility = 0.12 (%s) sets %s: %s. Give the setting a value of your own to close it."
                          .formatted(
                              settings.source(ServerKeys.COMPATIBILITY), setting, row.original())));
    }
    warnings.addAll(openAddresses(settings));
    warnings.addAll(GrpcSettingsFactory.warnings(settings));
    warnings.addAll(TlsSettings.warnings(settings));
    return warnings;
  }

  private static boolean isFromSwitch(Settings settings, String assignment) {
    String name = assignment.substring(0, assignment.indexOf('='));
    return SettingTable.keys().stream()
        .filter(key -> key.name().equals(name))
        .anyMatch(key -> settings.source(key).kind() == Settings.Source.Kind.COMPATIBILITY);
  }

  private static String kserve(Settings settings) {
    String grpc =
        settings.get(GrpcKeys.ENABLE_GRPC_API)
            ? " and the Open Inference Protocol over gRPC on %s:%d"
                .formatted(KServe.GRPC.host(), KServe.GRPC.port())
            : "";
    String others =
        settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)
            ? ""
            : " Management, descriptions of models and /token need their tokens as ever.";
    return "KServe is on (%s): v1 and v2 are served over HTTP on %s:%d%s, without TLS. Any client that can reach the server can ask every model without a token, on every address.%s kserve=false switches it off."
        .formatted(
            settings.kserve().reason(), KServe.HTTP.host(), KServe.HTTP.port(), grpc, others);
  }

  /** What is open to other machines, and the setting that closes it. */
  private static List<String> openAddresses(Settings settings) {
    List<String> warnings = new ArrayList<>();
    boolean tokens = !settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION);
    boolean metricsNeedKey =
        tokens && !settings.get(SecurityKeys.TOKEN_FREE_ROUTES).contains(SecurityKeys.METRICS);
    String manage =
        settings.get(ModelKeys.ENABLE_MODEL_API)
            ? "describe, scale, register and unregister models, which run code as this user,"
            : "describe and scale models";
    Map<SettingKey<ListenAddress>, Reach> reaches =
        Map.of(
            ListenerKeys.INFERENCE_ADDRESS,
            new Reach(
                "ask every model",
                tokens && !settings.kserve().on(),
                tokens ? "kserve=false" : ASK_FOR_KEYS),
            ListenerKeys.MANAGEMENT_ADDRESS,
            new Reach(manage, tokens, ASK_FOR_KEYS),
            ListenerKeys.METRICS_ADDRESS,
            new Reach(
                "see the names of models and how they are used",
                metricsNeedKey,
                tokens ? "token_free_routes without metrics" : ASK_FOR_KEYS));
    ListenerKeys.opened(settings)
        .forEach(
            key -> {
              ListenAddress address = settings.get(key);
              Reach reach = reaches.get(key);
              List<String> risks = new ArrayList<>();
              if (!reach.needsKey()) {
                risks.add(
                    "they can %s without a token (%s asks for one)"
                        .formatted(reach.what(), reach.remedy()));
              }
              if (!isTls(address)) {
                risks.add(
                    "what is sent, tokens included, can be read and changed on the way (an https:// address"
                        + " prevents it)");
              }
              if (!isLocal(address) && !risks.isEmpty()) {
                warnings.add(
                    "%s = %s (%s) is open to other machines: %s. 127.0.0.1 in its place admits this machine only."
                        .formatted(
                            key.name(), address, settings.source(key), String.join("; ", risks)));
              }
            });
    return warnings;
  }

  private static boolean isTls(ListenAddress address) {
    return address instanceof ListenAddress.Tcp tcp && tcp.tls();
  }

  private static boolean isLocal(ListenAddress address) {
    return !(address instanceof ListenAddress.Tcp tcp) || tcp.isLoopback();
  }
}
