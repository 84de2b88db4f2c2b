package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.bytes;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.privateHosts;
import static org.tsnext.server.settings.SettingTypes.seconds;
import static org.tsnext.server.settings.SettingTypes.urlPatterns;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.tsnext.archive.remote.PrivateHost;
import org.tsnext.server.settings.SettingKey.EnvironmentForm.Gate;

/** Keys of models from elsewhere than the model store, and of the packages that they need. */
public final class SourceKeys {
  public static final SettingKey<List<Pattern>> ALLOWED_URLS =
      SettingKey.of(
              "allowed_urls",
              urlPatterns(),
              "Regular expressions, separated by commas, of the URLs (file, http, https, s3) that the"
                  + " management API may load models from; one has to match the whole URL in its"
                  + " normal form, in any case. Empty for none: models come from the model store."
                  + " (TorchServe 0.12 allowed any.) What load_models and --models name needs no"
                  + " entry.")
          .withEnvironment("TS_ALLOWED_URLS", Gate.WHEN_URLS_ENABLED);
  public static final SettingKey<Boolean> USE_ENV_ALLOWED_URLS =
      SettingKey.of(
              "use_env_allowed_urls",
              bool(),
              "Whether TS_ALLOWED_URLS may set allowed_urls; enable_envvars_config must be true as"
                  + " well.")
          .withDefault("false")
          .fileOnly();
  public static final SettingKey<List<PrivateHost>> ALLOWED_PRIVATE_HOSTS =
      SettingKey.of(
          "allowed_private_hosts",
          privateHosts(),
          "Hosts, separated by commas, that downloads may connect to although their address is"
              + " private, loopback, link-local or otherwise not public: host[:port], [IPv6"
              + " address][:port] or address/bits. allowed_urls has to allow the URL as well.");
  public static final SettingKey<Path> MODEL_CACHE =
      SettingKey.of(
          "model_cache",
          path(),
          "The directory in which the server makes its private folder for downloaded archives; the"
              + " folder goes with the server. The temporary directory if empty.");
  public static final SettingKey<Long> MODEL_DOWNLOAD_MAX_BYTES =
      SettingKey.of(
              "model_download_max_bytes",
              bytes(1, 1L << 50),
              "Size limit of a downloaded archive, in bytes.")
          .withDefault(String.valueOf(32L << 30));
  public static final SettingKey<Duration> MODEL_DOWNLOAD_CONNECT_TIMEOUT =
      SettingKey.of(
              "model_download_connect_timeout",
              seconds(1),
              "How long connecting to a host may take in a download, and TLS again, in seconds.")
          .withDefault("10");
  public static final SettingKey<Duration> MODEL_DOWNLOAD_READ_TIMEOUT =
      SettingKey.of(
              "model_download_read_timeout",
              seconds(1),
              "How long a host may be silent in a download, in seconds.")
          .withDefault("60");
  public static final SettingKey<Duration> MODEL_DOWNLOAD_TIMEOUT =
      SettingKey.of(
              "model_download_timeout",
              seconds(1),
              "How long a whole download may take, in seconds.")
          .withDefault("1800");

  public static final SettingKey<Path> DEPENDENCY_CACHE =
      SettingKey.of(
          "dependency_cache",
          path(),
          "A private directory in which installed requirements and virtual environments of models"
              + " are kept between starts. If it is empty they lie in the temporary directory and go"
              + " with the last model that uses them.");
  public static final SettingKey<Duration> DEPENDENCY_INSTALL_TIMEOUT =
      SettingKey.of(
              "dependency_install_timeout",
              seconds(1),
              "How long installing the requirements of a model may take, in seconds.")
          .withDefault("1800");

  static final List<SettingKey<?>> ALL =
      List.of(
          ALLOWED_URLS,
          USE_ENV_ALLOWED_URLS,
          ALLOWED_PRIVATE_HOSTS,
          MODEL_CACHE,
          MODEL_DOWNLOAD_MAX_BYTES,
          MODEL_DOWNLOAD_CONNECT_TIMEOUT,
          MODEL_DOWNLOAD_READ_TIMEOUT,
          MODEL_DOWNLOAD_TIMEOUT,
          DEPENDENCY_CACHE,
          DEPENDENCY_INSTALL_TIMEOUT);

  private SourceKeys() {}
}
