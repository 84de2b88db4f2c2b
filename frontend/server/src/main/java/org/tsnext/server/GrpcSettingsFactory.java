package org.tsnext.server;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcAddress;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.server.settings.GrpcKeys;
import org.tsnext.server.settings.KServe;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.tokens.Tokens;

/** Turns the settings of the server into those of its gRPC listeners. */
final class GrpcSettingsFactory {

  private GrpcSettingsFactory() {}

  /**
   * What the listeners are told.
   *
   * @param maxRequestSize bytes of a message, as for HTTP
   * @param connections how many there may be
   * @param sockets where the TLS key is, if there is one
   * @param tokens empty if clients need none
   * @param services what they offer
   */
  static GrpcSettings of(
      Settings settings,
      int maxRequestSize,
      Descriptors.Connections connections,
      SocketSettings sockets,
      Optional<Tokens> tokens,
      ServiceSettings services) {
    return new GrpcSettings(
        new GrpcSettings.Addresses(
            address(
                settings,
                GrpcKeys.INFERENCE_ADDRESS,
                GrpcKeys.INFERENCE_PORT,
                connections.grpcInference(),
                ListenerKeys.INFERENCE_MAX_CONNECTIONS.name(),
                settings.find(GrpcKeys.INFERENCE_MAX_AGE),
                settings.find(GrpcKeys.INFERENCE_MAX_AGE_GRACE)),
            address(
                settings,
                GrpcKeys.MANAGEMENT_ADDRESS,
                GrpcKeys.MANAGEMENT_PORT,
                connections.management(),
                ListenerKeys.MANAGEMENT_MAX_CONNECTIONS.name(),
                settings.find(GrpcKeys.MANAGEMENT_MAX_AGE),
                settings.find(GrpcKeys.MANAGEMENT_MAX_AGE_GRACE)),
            settings.kserve().on()
                ? Optional.of(kserve(connections.grpcInference()))
                : Optional.empty()),
        new GrpcLimits(
            maxRequestSize,
            settings.get(ListenerKeys.MAX_RESPONSE_SIZE),
            Math.toIntExact(settings.get(ListenerKeys.STREAM_BUFFER_SIZE)),
            settings.get(ListenerKeys.CONNECTION_IDLE_TIMEOUT),
            settings.get(ListenerKeys.REQUEST_READ_TIMEOUT)),
        new GrpcAccess(
            tokens.map(made -> tokens(settings, made)),
            sockets
                .tls()
                .filter(tls -> settings.get(GrpcKeys.ENABLE_GRPC_SSL))
                .map(tls -> new GrpcAccess.Tls(tls.keys(), tls.handshakes())),
            ModuleSettings.allowedPages(settings)),
        ModuleSettings.errors(settings),
        settings.get(GrpcKeys.ENABLE_GRPC_REFLECTION),
        ModuleSettings.sequenceHeaders(settings),
        services);
  }

  private static GrpcAddress address(
      Settings settings,
      SettingKey<String> host,
      SettingKey<Integer> port,
      int connections,
      String connectionsKey,
      Optional<Duration> age,
      Optional<Duration> grace) {
    return new GrpcAddress(
        host(settings, host),
        settings.get(port),
        port.name(),
        connections,
        connectionsKey,
        age,
        grace);
  }

  private static GrpcAddress kserve(int connections) {
    return new GrpcAddress(
        KServe.GRPC.host(),
        KServe.GRPC.port(),
        ListenerRole.KSERVE.key(),
        connections,
        ListenerKeys.INFERENCE_MAX_CONNECTIONS.name(),
        Optional.empty(),
        Optional.empty());
  }

  /** Without the brackets of an IPv6 address. */
  private static String host(Settings settings, SettingKey<String> key) {
    return settings.get(key).replaceAll("^\\[|]$", "");
  }

  private static GrpcAccess.Tokens tokens(Settings settings, Tokens made) {
    return new GrpcAccess.Tokens(
        made.tokens(),
        ModuleSettings.tokenFree(settings),
        settings.get(SecurityKeys.TOKEN_FAILURES_AS_400));
  }

  /** The hosts of listeners that speak TLS. */
  static List<String> tlsHosts(Settings settings) {
    return settings.get(GrpcKeys.ENABLE_GRPC_API) && settings.get(GrpcKeys.ENABLE_GRPC_SSL)
        ? List.of(
            host(settings, GrpcKeys.INFERENCE_ADDRESS), host(settings, GrpcKeys.MANAGEMENT_ADDRESS))
        : List.of();
  }

  /** What is open to other machines, and the setting that closes it. */
  static List<String> warnings(Settings settings) {
    if (!settings.get(GrpcKeys.ENABLE_GRPC_API)) {
      return List.of();
    }
    String manage =
        settings.get(ModelKeys.ENABLE_MODEL_API) ? "look after and register" : "look after";
    return Map.of(GrpcKeys.INFERENCE_ADDRESS, "ask", GrpcKeys.MANAGEMENT_ADDRESS, manage)
        .entrySet()
        .stream()
        .filter(entry -> !new ListenAddress.Tcp(host(settings, entry.getKey()), 0).isLoopback())
        .filter(entry -> !risks(settings, entry.getKey()).isEmpty())
        .map(
            entry ->
                "%s = %s (%s) is open to other machines: they can %s models over gRPC%s. 127.0.0.1 in its place admits this machine only."
                    .formatted(
                        entry.getKey().name(),
                        settings.get(entry.getKey()),
                        settings.source(entry.getKey()),
                        entry.getValue(),
                        risks(settings, entry.getKey())))
        .sorted()
        .toList();
  }

  private static String risks(Settings settings, SettingKey<String> address) {
    String remedy =
        settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)
            ? "disable_token_authorization=false"
            : settings.kserve().on() && address.equals(GrpcKeys.INFERENCE_ADDRESS)
                ? "kserve=false"
                : "";
    String key = remedy.isEmpty() ? "" : " without a token (" + remedy + " asks for one)";
    String clear =
        settings.get(GrpcKeys.ENABLE_GRPC_SSL)
            ? ""
            : ", and what is sent, tokens included, can be read and changed on the way"
                + " (enable_grpc_ssl=true prevents it)";
    return key + clear;
  }
}
