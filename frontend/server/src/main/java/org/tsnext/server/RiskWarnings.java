package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import org.tsnext.http.ListenAddress;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.Settings;

/** Says which settings of a start open the server to others. */
final class RiskWarnings {
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
