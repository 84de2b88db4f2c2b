package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;
import org.tsnext.server.settings.SettingType.InvalidValueException;

/** The examples of {@code docs/configuration.md}. */
public class SettingExamplesTest {
  private static final String FOLDER = "/srv/torchserve";
  private static final List<String> FILES =
      List.of(
          "metrics.yaml",
          "secrets/inference_token",
          "secrets/management_token",
          "tls/keystore.p12",
          "tls/keystore.pass",
          "tls/tls.crt",
          "tls/tls.key");
  private static final List<String> FOLDERS = List.of("model_store", "site-packages");

  private Path folder;

  @BeforeClass
  public void makeWhatExamplesName() throws IOException {
    folder = Files.createTempDirectory("tsnext-examples");
    for (String name : FILES) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.writeString(folder.resolve(name), "a-token-of-32-letters-and-more-x");
    }
    for (String name : FOLDERS) {
      Files.createDirectories(folder.resolve(name));
    }
  }

  @AfterClass(alwaysRun = true)
  public void removeIt() throws IOException {
    try (var paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @Test
  public void everyKeyHasAnExampleInTheOrderOfTheTable() throws IOException {
    assertEquals(
        new ArrayList<>(ConfigurationDocuments.examples().keySet()),
        SettingTable.keys().stream().map(SettingKey::name).toList());
  }

  @Test
  public void everyExampleIsAcceptedByItsKeyAndIsNotTheDefault() throws Exception {
    for (SettingKey<?> key : SettingTable.keys()) {
      String example = example(key);
      assertAccepted(key, example);
      assertNotEquals(Optional.of(example), key.defaultText(), key.name());
    }
  }

  /** What has to stand beside it apart: a file with this key alone is one that a server takes. */
  @Test
  public void everyExampleIsReadFromAFile() throws IOException {
    for (SettingKey<?> key : SettingTable.keys()) {
      ConfigFile file = new ConfigFile(folder, Map.of(key.name(), example(key)));
      SettingsLoader.Inspection found =
          SettingsLoader.inspect(Optional.of(file), Map.of(), Map.of());
      assertTrue(
          found.problems().stream().noneMatch(problem -> problem.text().startsWith("Unknown")),
          key.name() + ": " + found.problems());
      assertTrue(found.settings().find(key).isPresent(), key.name());
    }
  }

  private String example(SettingKey<?> key) throws IOException {
    Properties line = new Properties();
    String text = ConfigurationDocuments.examples().get(key.name());
    line.load(new StringReader(key.name() + "=" + text));
    return line.getProperty(key.name()).replace(FOLDER, folder.toString());
  }

  private static void assertAccepted(SettingKey<?> key, String example) {
    try {
      key.type().parse(example);
    } catch (InvalidValueException e) {
      throw new AssertionError(key.name() + "=" + example + ": " + e.getMessage(), e);
    }
  }
}
