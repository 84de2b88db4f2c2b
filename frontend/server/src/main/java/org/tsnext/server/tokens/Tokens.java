package org.tsnext.server.tokens;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.access.TokenRotation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.time.Clock;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.Settings;

/**
 * The tokens of a server. Those that the operator gave stay as they are; the others are made here,
 * are published in the key file, expire, and can be replaced. {@link #open} is called once.
 */
public final class Tokens implements TokenRotation, AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(Tokens.class);
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
  private static final int TOKEN_BYTES = 32;

  /** The order of the key file. */
  private static final List<TokenKind> ORDER =
      List.of(TokenKind.MANAGEMENT, TokenKind.INFERENCE, TokenKind.API);

  /**
   * A token that is in the file.
   *
   * @param expires empty for never
   */
  private record Published(String token, Optional<Instant> expires) {}

  private final Clock clock;
  private final Executor executor;
  private final Optional<Duration> life;
  private final Duration overlap;
  private final SecureRandom random = new SecureRandom();
  private final AccessTokens tokens;
  private final TokenFile file;
  private final Map<TokenKind, Published> published = new EnumMap<>(TokenKind.class);
  private Map<TokenKind, String> fixed = Map.of();

  /**
   * @param keyFile where the tokens are written that are made here
   * @param executor for writing the file
   */
  public Tokens(Settings settings, Path keyFile, Clock clock, Executor executor) {
    this.clock = clock;
    this.executor = executor;
    Duration minutes = settings.get(SecurityKeys.TOKEN_EXPIRATION_MIN);
    this.life = minutes.isZero() ? Optional.empty() : Optional.of(minutes);
    this.overlap = settings.get(SecurityKeys.TOKEN_OVERLAP);
    this.tokens = new AccessTokens(clock);
    this.file = new TokenFile(keyFile);
  }

  /**
   * Looks whether the tokens that the operator gives can be read.
   *
   * @throws StartException naming the setting, never the token
   */
  public static void requireGiven(Settings settings) throws StartException {
    var unused = FixedTokens.of(settings);
  }

  /**
   * Makes what tokens are missing, and writes the key file if there are any. Blocks.
   *
   * @throws StartException if tokens cannot be read, or the file cannot be written or kept private
   */
  public synchronized void open(Settings settings) throws StartException {
    fixed = FixedTokens.of(settings);
    fixed.forEach((kind, token) -> tokens.put(kind, token, Optional.empty(), Duration.ZERO));
    if (!rotates()) {
      LOGGER.info("Tokens are on. Both tokens were given; there is no key file");
      return;
    }
    for (TokenKind kind : ORDER) {
      if (!fixed.containsKey(kind)) {
        published.put(kind, make(kind));
      }
    }
    try {
      file.write(json());
    } catch (IOException e) {
      throw new StartException(
          "Invalid configuration: key_file = %s (%s): %s. Without it no client could authenticate: name another file, give both tokens, or start with --disable-token-auth"
              .formatted(file.path(), settings.source(SecurityKeys.KEY_FILE), reason(e)),
          e);
    }
    published.forEach(this::activate);
    LOGGER.info(
        "Tokens are on. The tokens are in {}; they expire {}",
        file.path(),
        life.map(
                length ->
                    "after " + length.toMillis() / 60_000.0 + " min, see token_expiration_min")
            .orElse("never"));
  }

  /** What clients are checked against. */
  public AccessTokens tokens() {
    return tokens;
  }

  /** Whether there is a token that can be replaced. */
  public synchronized boolean rotates() {
    return !(fixed.containsKey(TokenKind.INFERENCE) && fixed.containsKey(TokenKind.MANAGEMENT));
  }

  /** Where the tokens are, unless all of them were given. */
  public Optional<Path> keyFile() {
    return rotates() ? Optional.of(file.path()) : Optional.empty();
  }

  @Override
  public CompletableFuture<Void> rotate(TokenKind kind) {
    return CompletableFuture.runAsync(() -> replace(kind), executor);
  }

  /** Removes the key file. */
  @Override
  public synchronized void close() throws IOException {
    file.close();
  }

  private synchronized void replace(TokenKind kind) {
    if (fixed.containsKey(kind)) {
      throw new ServingException(
          ErrorKind.CONFLICT,
          "The %s token was given by the configuration; change it there and start the server again."
              .formatted(kind.text()));
    }
    Published before = published.put(kind, make(kind));
    try {
      file.write(json());
    } catch (IOException e) {
      published.put(kind, before);
      LOGGER.error(
          "The {} token was not replaced: {} cannot be written", kind.text(), file.path(), e);
      throw new ServingException(
          ErrorKind.INTERNAL, "The key file cannot be written; the old token stays valid.", e);
    }
    activate(kind, published.get(kind));
    LOGGER.info("The {} token was replaced", kind.text());
  }

  private Published make(TokenKind kind) {
    byte[] bytes = new byte[TOKEN_BYTES];
    random.nextBytes(bytes);
    String token = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    return new Published(token, lifeOf(kind).map(length -> clock.now().plus(length)));
  }

  private void activate(TokenKind kind, Published token) {
    tokens.put(kind, token.token(), lifeOf(kind), overlap);
  }

  private Optional<Duration> lifeOf(TokenKind kind) {
    return kind == TokenKind.API ? Optional.empty() : life;
  }

  private String json() {
    JsonObject all = new JsonObject();
    for (TokenKind kind : ORDER) {
      Published token = published.get(kind);
      if (token != null) {
        JsonObject one = new JsonObject();
        one.addProperty("key", token.token());
        token.expires().ifPresent(end -> one.addProperty("expiration time", end.toString()));
        all.add(kind.text(), one);
      }
    }
    return GSON.toJson(all) + "\n";
  }

  private static String reason(IOException e) {
    return e instanceof FileSystemException || e.getMessage() == null
        ? e.getClass().getSimpleName() + " " + e.getMessage()
        : e.getMessage();
  }
}
