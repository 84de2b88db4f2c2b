package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.commaList;
import static org.tsnext.server.settings.SettingTypes.existingFile;
import static org.tsnext.server.settings.SettingTypes.matching;
import static org.tsnext.server.settings.SettingTypes.minutesOrNever;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.seconds;
import static org.tsnext.server.settings.SettingTypes.someOf;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.tsnext.server.settings.SettingKey.EnvironmentForm.Gate;

/** Keys of who may connect and what they may ask. */
public final class SecurityKeys {
  /** What a key that the operator gives must look like: RFC 6750, and not guessable. */
  public static final String TOKEN_FORM = "[A-Za-z0-9._~+/-]{16,512}=*";

  /** {@link #TOKEN_FORM} in words. */
  public static final String TOKEN_EXPECTED = "16 to 512 letters, digits and . _ ~ + / -";

  /** The word of {@link #TOKEN_FREE_ROUTES} for health. */
  public static final String PROBES = "probes";

  /** The word of {@link #TOKEN_FREE_ROUTES} for API descriptions. */
  public static final String DESCRIPTIONS = "descriptions";

  /** The word of {@link #TOKEN_FREE_ROUTES} for metrics. */
  public static final String METRICS = "metrics";

  public static final SettingKey<Boolean> DISABLE_TOKEN_AUTHORIZATION =
      SettingKey.of(
              "disable_token_authorization",
              bool(),
              "Whether clients need no token: any client that can reach the server can then use it.")
          .withDefault("false");
  public static final SettingKey<Path> KEY_FILE =
      SettingKey.of(
              "key_file",
              path(),
              "Where the server writes the tokens that it makes, readable by its own user only; removed"
                  + " when the server ends. A relative path starts at the folder of the start.")
          .withDefault("key_file.json");
  public static final SettingKey<Duration> TOKEN_EXPIRATION_MIN =
      SettingKey.of(
              "token_expiration_min",
              minutesOrNever(),
              "How long the inference token and the management token are valid, in minutes; fractions are"
                  + " allowed; 0 or never: until they are replaced. The API token and tokens that were"
                  + " given do not expire.")
          .withDefault("60")
          .withEnvironment("TS_TOKEN_EXPIRATION_TIME_MIN", Gate.WHEN_ENABLED);
  public static final SettingKey<Duration> TOKEN_OVERLAP =
      SettingKey.of(
              "token_overlap_sec",
              seconds(0),
              "How long the old token stays valid, too, after /token has replaced it, in seconds.")
          .withDefault("0");
  public static final SettingKey<String> INFERENCE_TOKEN = given("inference");
  public static final SettingKey<Path> INFERENCE_TOKEN_FILE = givenFile("inference");
  public static final SettingKey<String> MANAGEMENT_TOKEN = given("management");
  public static final SettingKey<Path> MANAGEMENT_TOKEN_FILE = givenFile("management");
  public static final SettingKey<Set<String>> TOKEN_FREE_ROUTES =
      SettingKey.of(
              "token_free_routes",
              someOf(PROBES, DESCRIPTIONS, METRICS),
              "What needs no token: probes (/ping, /ready, readiness of KServe), descriptions (OPTIONS /,"
                  + " /api-description) and metrics (/metrics); or none. What is left out is opened by"
                  + " the inference token and by the management token.")
          .withDefault("probes,descriptions,metrics");
  public static final SettingKey<Boolean> TOKEN_FAILURES_AS_400 =
      SettingKey.of(
              "token_failures_as_400",
              bool(),
              "Whether a request without its token is answered 400, as TorchServe 0.12 did, rather than"
                  + " 401 or 403.")
          .withDefault("false");

  public static final SettingKey<List<String>> ALLOWED_HOSTS =
      SettingKey.of(
          "allowed_hosts",
          commaList("host names between commas; .example.org for all below it; * for any"),
          "Names by which clients may call the management API, beside IP addresses, localhost, names"
              + " without a dot, those of a cluster (.svc, .cluster.local) and SageMaker's"
              + " model.aws.local. Without tokens and on loopback this goes for the inference API, too."
              + " It keeps web pages out that have their own domain resolve to this machine (DNS"
              + " rebinding). Web pages on these hosts may use the server, as those of"
              + " cors_allowed_origin may.");

  static final List<SettingKey<?>> ALL =
      List.of(
          DISABLE_TOKEN_AUTHORIZATION,
          KEY_FILE,
          TOKEN_EXPIRATION_MIN,
          TOKEN_OVERLAP,
          INFERENCE_TOKEN,
          INFERENCE_TOKEN_FILE,
          MANAGEMENT_TOKEN,
          MANAGEMENT_TOKEN_FILE,
          TOKEN_FREE_ROUTES,
          TOKEN_FAILURES_AS_400,
          ALLOWED_HOSTS);

  private SecurityKeys() {}

  private static SettingKey<String> given(String kind) {
    String name = kind + "_token";
    return SettingKey.of(
            name,
            matching(TOKEN_EXPECTED, TOKEN_FORM),
            "A fixed " + kind + " token, instead of one that the server makes.")
        .withEnvironment("TS_" + name.toUpperCase(Locale.ROOT), Gate.ALWAYS)
        .hidden();
  }

  private static SettingKey<Path> givenFile(String kind) {
    String name = kind + "_token_file";
    return SettingKey.of(
            name,
            existingFile(),
            "File that holds a fixed "
                + kind
                + " token and nothing else, such as a mounted secret.")
        .withEnvironment("TS_" + name.toUpperCase(Locale.ROOT), Gate.ALWAYS);
  }
}
