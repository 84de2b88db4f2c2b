package org.tsnext.server.tokens;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tsnext.core.access.TokenKind;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.Settings;

/** Tokens that the operator gave, for containers: they never expire and are in no file of ours. */
final class FixedTokens {
  private static final long MAX_SIZE = 4096;
  private static final Pattern FORM = Pattern.compile(SecurityKeys.TOKEN_FORM);

  private FixedTokens() {}

  /**
   * Reads them.
   *
   * @throws StartException naming the setting, never the token
   */
  static Map<TokenKind, String> of(Settings settings) throws StartException {
    Map<TokenKind, String> tokens = new EnumMap<>(TokenKind.class);
    Optional<String> inference =
        token(settings, SecurityKeys.INFERENCE_TOKEN, SecurityKeys.INFERENCE_TOKEN_FILE);
    Optional<String> management =
        token(settings, SecurityKeys.MANAGEMENT_TOKEN, SecurityKeys.MANAGEMENT_TOKEN_FILE);
    inference.ifPresent(token -> tokens.put(TokenKind.INFERENCE, token));
    management.ifPresent(token -> tokens.put(TokenKind.MANAGEMENT, token));
    return tokens;
  }

  private static Optional<String> token(
      Settings settings, SettingKey<String> value, SettingKey<Path> file) throws StartException {
    if (settings.find(file).isEmpty()) {
      return settings.find(value);
    }
    return Optional.of(read(settings, file));
  }

  private static String read(Settings settings, SettingKey<Path> file) throws StartException {
    Path path = settings.get(file);
    String problem;
    try {
      String token = Files.size(path) > MAX_SIZE ? "" : Files.readString(path).strip();
      if (FORM.matcher(token).matches()) {
        return token;
      }
      problem = "expected a file that holds " + SecurityKeys.TOKEN_EXPECTED + " and nothing else";
    } catch (IOException e) {
      problem = "it cannot be read (" + e.getClass().getSimpleName() + ")";
    }
    throw new StartException(
        "Invalid configuration: %s = %s (%s): %s"
            .formatted(file.name(), path, settings.source(file), problem));
  }
}
