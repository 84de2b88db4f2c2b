package org.tsnext.server.tokens;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessTokens.Verdict;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.InvalidSettingsException;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader;

public class TokensTest {
  private static final String FIXED = "0123456789abcdef";

  private final Map<String, String> values = new HashMap<>();
  private final Map<String, String> environment = new HashMap<>();
  private ManualTime time;
  private Path folder;
  private Path keyFile;

  @BeforeMethod
  public void makeFolder() throws IOException {
    time = new ManualTime();
    folder = Files.createTempDirectory("tsnext-tokens");
    keyFile = folder.resolve("key_file.json");
    values.clear();
    environment.clear();
    values.put("key_file", keyFile.toString());
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  private Settings settings() {
    return SettingsLoader.load(
        Optional.of(new ConfigFile(folder.resolve("c"), values)), Map.of(), environment);
  }

  private Tokens open() throws StartException {
    Settings settings = settings();
    Tokens tokens = new Tokens(settings, settings.get(SecurityKeys.KEY_FILE), time, Runnable::run);
    tokens.open(settings);
    return tokens;
  }

  private JsonObject file() throws IOException {
    return JsonParser.parseString(Files.readString(keyFile)).getAsJsonObject();
  }

  private String key(String kind) throws IOException {
    return file().getAsJsonObject(kind).get("key").getAsString();
  }

  private static Verdict check(Tokens tokens, TokenKind kind, String key) {
    return tokens.tokens().check(Set.of(kind), key);
  }

  @Test
  public void keyFileHasTheFormThatClientsRead() throws Exception {
    Tokens tokens = open();
    assertEquals(List.copyOf(file().keySet()), List.of("management", "inference", "API"));
    for (String kind : List.of("management", "inference")) {
      JsonObject one = file().getAsJsonObject(kind);
      assertEquals(List.copyOf(one.keySet()), List.of("key", "expiration time"));
      assertTrue(one.get("key").getAsString().matches("[A-Za-z0-9_-]{43}"), "256 bits");
      assertEquals(
          Instant.parse(one.get("expiration time").getAsString()),
          time.now().plus(Duration.ofMinutes(60)));
    }
    assertEquals(file().getAsJsonObject("API").keySet(), Set.of("key"));
    assertEquals(check(tokens, TokenKind.INFERENCE, key("inference")), Verdict.GRANTED);
    assertEquals(check(tokens, TokenKind.MANAGEMENT, key("management")), Verdict.GRANTED);
    assertEquals(check(tokens, TokenKind.API, key("API")), Verdict.GRANTED);
    tokens.close();
    assertFalse(Files.exists(keyFile));
  }

  @Test
  public void keysExpireAfterTheConfiguredMinutes() throws Exception {
    values.put("token_expiration_min", "0.5");
    try (Tokens tokens = open()) {
      time.advance(Duration.ofSeconds(30));
      assertEquals(check(tokens, TokenKind.INFERENCE, key("inference")), Verdict.EXPIRED);
      assertEquals(check(tokens, TokenKind.API, key("API")), Verdict.GRANTED);
      tokens.rotate(TokenKind.INFERENCE).join();
      assertEquals(check(tokens, TokenKind.INFERENCE, key("inference")), Verdict.GRANTED);
    }
  }

  @Test
  public void neverMeansNever() throws Exception {
    for (String never : List.of("0", "never", "0.0")) {
      values.put("token_expiration_min", never);
      try (Tokens tokens = open()) {
        time.advance(Duration.ofDays(3650));
        assertEquals(check(tokens, TokenKind.INFERENCE, key("inference")), Verdict.GRANTED);
        assertEquals(file().getAsJsonObject("inference").keySet(), Set.of("key"));
      }
    }
  }

  @Test
  public void rotationReplacesOneKeyAndLeavesTheOthers() throws Exception {
    try (Tokens tokens = open()) {
      String before = key("inference");
      String management = key("management");
      tokens.rotate(TokenKind.INFERENCE).join();
      assertNotEquals(key("inference"), before);
      assertEquals(key("management"), management);
      assertEquals(check(tokens, TokenKind.INFERENCE, before), Verdict.UNKNOWN);
      assertEquals(check(tokens, TokenKind.INFERENCE, key("inference")), Verdict.GRANTED);
    }
  }

  @Test
  public void replacedKeyStaysValidForTheOverlap() throws Exception {
    values.put("token_overlap_sec", "10");
    try (Tokens tokens = open()) {
      String before = key("inference");
      tokens.rotate(TokenKind.INFERENCE).join();
      assertEquals(check(tokens, TokenKind.INFERENCE, before), Verdict.GRANTED);
      time.advance(Duration.ofSeconds(10));
      assertEquals(check(tokens, TokenKind.INFERENCE, before), Verdict.EXPIRED);
    }
  }

  @Test
  public void givenKeysAreTakenFromTheEnvironmentWithoutAnySwitch() throws Exception {
    environment.put("TS_INFERENCE_TOKEN", FIXED);
    try (Tokens tokens = open()) {
      assertEquals(check(tokens, TokenKind.INFERENCE, FIXED), Verdict.GRANTED);
      assertEquals(file().keySet(), Set.of("management", "API"));
      CompletionException refused =
          expectThrows(CompletionException.class, () -> tokens.rotate(TokenKind.INFERENCE).join());
      assertTrue(refused.getMessage().contains("was given by the configuration"));
      assertFalse(Files.readString(keyFile).contains(FIXED));
    }
  }

  @Test
  public void withBothKeysGivenThereIsNoFile() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), FIXED + "\n");
    environment.put("TS_INFERENCE_TOKEN_FILE", secret.toString());
    values.put("management_token", "m" + FIXED);
    try (Tokens tokens = open()) {
      assertFalse(tokens.rotates());
      assertEquals(tokens.keyFile(), Optional.empty());
      assertFalse(Files.exists(keyFile));
      assertEquals(check(tokens, TokenKind.INFERENCE, FIXED), Verdict.GRANTED);
      assertEquals(check(tokens, TokenKind.MANAGEMENT, "m" + FIXED), Verdict.GRANTED);
    }
  }

  @Test
  public void badKeyInAFileIsRefusedWithoutBeingShown() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), "hunter2");
    environment.put("TS_MANAGEMENT_TOKEN_FILE", secret.toString());
    StartException refused = expectThrows(StartException.class, this::open);
    assertTrue(refused.getMessage().contains("management_token_file"), refused.getMessage());
    assertTrue(refused.getMessage().contains("expected a file that holds 16"));
    assertFalse(refused.getMessage().contains("hunter2"));
  }

  @Test
  public void keyThatIsGivenTwiceIsRefusedWithTheSettings() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), FIXED);
    environment.put("TS_MANAGEMENT_TOKEN_FILE", secret.toString());
    environment.put("TS_MANAGEMENT_TOKEN", FIXED);
    Exception refused = expectThrows(InvalidSettingsException.class, this::settings);
    assertEquals(
        refused.getMessage(),
        "Invalid configuration: management_token_file = "
            + secret
            + " (environment TS_MANAGEMENT_TOKEN_FILE): management_token (environment"
            + " TS_MANAGEMENT_TOKEN) is set as well: expected one of them");
  }

  @Test
  public void givenKeysAreNeverPrinted() throws Exception {
    environment.put("TS_INFERENCE_TOKEN", FIXED);
    assertFalse(settings().describe().contains(FIXED));
    environment.put("TS_INFERENCE_TOKEN", "short key");
    Exception refused = expectThrows(RuntimeException.class, this::settings);
    assertTrue(refused.getMessage().contains("inference_token = ********"), refused.getMessage());
    assertFalse(refused.getMessage().contains("short key"));
  }

  @Test
  public void fileThatCannotBeKeptFailsTheStartWithWhatToDo() throws Exception {
    values.put("key_file", folder.resolve("missing").resolve("keys.json").toString());
    StartException refused = expectThrows(StartException.class, this::open);
    assertTrue(refused.getMessage().startsWith("Invalid configuration: key_file = "));
    assertTrue(refused.getMessage().contains("does not exist"), refused.getMessage());
    assertTrue(refused.getMessage().contains("--disable-token-auth"), refused.getMessage());
  }
}
