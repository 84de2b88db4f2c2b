package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.testing.CapturedWarnings;
import org.tsnext.core.testing.CoreFixture;

/** The words of the server's own paths. */
public class ReservedNamesTest {

  private static final List<String> WORDS =
      List.of(
          "all ping ready models predictions explanations invocations metrics token workflows"
              .split(" "));
  private static final List<String> MORE_WORDS =
      List.of("wfpredict console api-description openapi.json jobs v1 v2".split(" "));

  private CoreFixture fixture;

  @BeforeMethod
  public void makeCore() {
    fixture = new CoreFixture();
  }

  @DataProvider
  public Object[][] words() {
    return Stream.concat(WORDS.stream(), MORE_WORDS.stream())
        .map(word -> new Object[] {word})
        .toArray(Object[][]::new);
  }

  /**
   * @param name empty for the one of the archive
   */
  private static RegisterModel registration(
      Optional<String> name, boolean trusted, boolean restored) {
    return new RegisterModel(
        new RegisterModel.Source("a.mar", false),
        name,
        Optional.empty(),
        Optional.empty(),
        RegisterModel.Requested.NOTHING,
        new RegisterModel.Origin(trusted, restored),
        false);
  }

  private String register(RegisterModel registration) {
    return fixture.core().models().register(registration).join().modelName();
  }

  private void assertRefused(RegisterModel registration, String name) {
    CompletionException error =
        expectThrows(CompletionException.class, () -> register(registration));
    ServingException refusal = (ServingException) error.getCause();
    assertEquals(refusal.kind().httpStatus(), 400);
    assertEquals(refusal.kind().grpcStatus(), 3);
    assertTrue(refusal.getMessage().startsWith("The model name \"" + name + "\" is not allowed"));
    assertTrue(fixture.core().models().list().isEmpty());
  }

  @Test(dataProvider = "words")
  public void wordsOfPathsAreNoNames(String word) {
    fixture.source().add("a.mar", "m", "1.0", ModelConfig.none());
    assertRefused(registration(Optional.of(word), false, false), word);
  }

  @Test(dataProvider = "words")
  public void wordsOfPathsAreNoNamesOfArchivesEither(String word) {
    fixture.source().add("a.mar", word, "1.0", ModelConfig.none());
    assertRefused(registration(Optional.empty(), false, false), word);
    assertEquals(register(registration(Optional.of("mine"), false, false)), "mine");
  }

  @Test(dataProvider = "words")
  public void whatWasInUseBeforeStillLoadsWithAWarning(String word) {
    assertLoadsWithAWarning(registration(Optional.empty(), true, false), word);
    fixture = new CoreFixture();
    assertLoadsWithAWarning(registration(Optional.of(word), true, false), word);
    fixture = new CoreFixture();
    assertLoadsWithAWarning(registration(Optional.of(word), false, true), word);
  }

  private void assertLoadsWithAWarning(RegisterModel registration, String word) {
    fixture
        .source()
        .add("a.mar", registration.modelName().isEmpty() ? word : "m", "1.0", ModelConfig.none());
    try (CapturedWarnings log = new CapturedWarnings(SettingsResolver.class)) {
      assertEquals(register(registration), word);
      assertEquals(log.lines().size(), 1, log.lines().toString());
      String warning = log.lines().get(0);
      assertTrue(
          warning.startsWith("The server uses the name of model " + word + " in its own"), warning);
      assertTrue(warning.contains("cannot be registered over the API"), warning);
    }
  }

  @Test(dataProvider = "words")
  public void namesCountAsTheyAreWrittenAsPathsDo(String word) {
    fixture.source().add("a.mar", "m", "1.0", ModelConfig.none());
    String other = word.toUpperCase(Locale.ROOT);
    assertEquals(register(registration(Optional.of(other), false, false)), other);
  }

  @Test
  public void modelIsAName() {
    fixture.source().add("a.mar", "model", "1.0", ModelConfig.none());
    assertEquals(register(registration(Optional.empty(), false, false)), "model");
  }
}
