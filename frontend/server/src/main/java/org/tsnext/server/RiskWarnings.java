package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import org.tsnext.archive.remote.AllowedUrls;
import org.tsnext.http.ListenAddress;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.SettingKey;
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

  private RiskWarnings() {}

  /** One sentence per risk. */
  static List<String> of(Settings settings) {
    List<String> warnings = new ArrayList<>();
    if (settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)) {
      warnings.add(
          "Token authorization is off (disable_token_authorization, %s): whoever reaches the server is served."
              .formatted(settings.source(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION)));
    }
    if (settings.get(ModelKeys.ENABLE_MODEL_API)) {
      warnings.add(
          "The model API is on (enable_model_api, %s): whoever reaches the management address can register models, which run code as this user."
              .formatted(settings.source(ModelKeys.ENABLE_MODEL_API)));
    }
    AllowedUrls urls = new AllowedUrls(settings.find(SourceKeys.ALLOWED_URLS).orElse(List.of()));
    List<String> open = UNLIKELY_URLS.stream().filter(urls::allows).toList();
    if (!open.isEmpty()) {
      warnings.add(
          "allowed_urls (%s) is very open: it matches even %s. Whoever may register models can load them from there."
              .formatted(settings.source(SourceKeys.ALLOWED_URLS), String.join(", ", open)));
    }
    for (SettingKey<ListenAddress> key :
        List.of(ListenerKeys.INFERENCE_ADDRESS, ListenerKeys.MANAGEMENT_ADDRESS)) {
      ListenAddress address = settings.get(key);
      if (!isLocal(address)) {
        warnings.add(
            "%s = %s (%s) can be reached from other machines, without tokens and without TLS."
                .formatted(key.name(), address, settings.source(key)));
      }
    }
    return warnings;
  }

  private static boolean isLocal(ListenAddress address) {
    if (address instanceof ListenAddress.Tcp tcp) {
      String host = tcp.host();
      return host.equalsIgnoreCase("localhost")
          || host.matches("127(\\.[0-9]{1,3}){3}")
          || host.matches("::1|0:0:0:0:0:0:0:1");
    }
    return true;
  }
}
