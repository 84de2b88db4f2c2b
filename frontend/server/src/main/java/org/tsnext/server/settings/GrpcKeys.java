package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.matching;
import static org.tsnext.server.settings.SettingTypes.millis;

import java.time.Duration;
import java.util.List;

/** Keys of the gRPC listeners. */
public final class GrpcKeys {

  public static final SettingKey<Boolean> ENABLE_GRPC_API =
      SettingKey.of("enable_grpc_api", bool(), "Whether to open gRPC listeners, KServe's included.")
          .withDefault("true");
  public static final SettingKey<String> INFERENCE_ADDRESS = host("inference");
  public static final SettingKey<String> MANAGEMENT_ADDRESS = host("management");
  public static final SettingKey<Integer> INFERENCE_PORT = port("inference", "7070");
  public static final SettingKey<Integer> MANAGEMENT_PORT = port("management", "7071");
  public static final SettingKey<Duration> INFERENCE_MAX_AGE = age("inference");
  public static final SettingKey<Duration> MANAGEMENT_MAX_AGE = age("management");
  public static final SettingKey<Duration> INFERENCE_MAX_AGE_GRACE = grace("inference");
  public static final SettingKey<Duration> MANAGEMENT_MAX_AGE_GRACE = grace("management");
  public static final SettingKey<Boolean> ENABLE_GRPC_SSL =
      SettingKey.of(
              "enable_grpc_ssl",
              bool(),
              "Whether the gRPC listeners speak TLS, with the key of the https listeners.")
          .withDefault("false");
  public static final SettingKey<Boolean> ENABLE_GRPC_REFLECTION =
      SettingKey.of(
              "enable_grpc_reflection",
              bool(),
              "Whether clients such as grpcurl may ask the gRPC listeners what there is to call.")
          .withDefault("false");

  static final List<SettingKey<?>> ALL =
      List.of(
          ENABLE_GRPC_API,
          INFERENCE_ADDRESS,
          INFERENCE_PORT,
          INFERENCE_MAX_AGE,
          INFERENCE_MAX_AGE_GRACE,
          MANAGEMENT_ADDRESS,
          MANAGEMENT_PORT,
          MANAGEMENT_MAX_AGE,
          MANAGEMENT_MAX_AGE_GRACE,
          ENABLE_GRPC_SSL,
          ENABLE_GRPC_REFLECTION);

  private GrpcKeys() {}

  private static SettingKey<String> host(String api) {
    return SettingKey.of(
            "grpc_" + api + "_address",
            matching("a host name or an IP address", "[A-Za-z0-9._:%\\[\\]-]+"),
            "Where the gRPC " + api + " API listens.")
        .withDefault("127.0.0.1");
  }

  private static SettingKey<Integer> port(String api, String number) {
    return SettingKey.of(
            "grpc_" + api + "_port",
            integer(0, 65535),
            "Port of the gRPC " + api + " API; 0 takes a free one.")
        .withDefault(number);
  }

  private static SettingKey<Duration> age(String api) {
    return SettingKey.of(
        "grpc_" + api + "_max_connection_age_ms",
        millis(1),
        "Oldest age of a gRPC " + api + " connection, in milliseconds; no limit if empty.");
  }

  private static SettingKey<Duration> grace(String api) {
    return SettingKey.of(
        "grpc_" + api + "_max_connection_age_grace_ms",
        millis(1),
        "How long calls of a gRPC "
            + api
            + " connection may still take beyond that age, in milliseconds; no limit if empty.");
  }
}
