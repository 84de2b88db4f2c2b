package org.tsnext.server.settings;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class ConfigFileTest {
  private Path folder;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-config");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text, StandardCharsets.ISO_8859_1);
  }

  private Optional<Path> found(Map<String, String> environment, Optional<String> option) {
    return ConfigFile.find(environment, option, folder).map(ConfigFile::path);
  }

  @Test
  public void variableBeatsOptionBeatsWorkingFolder() throws IOException {
    Path variable = write("variable.properties", "");
    Path option = write("option.properties", "");
    assertEquals(found(Map.of(), Optional.empty()), Optional.empty());
    Path local = write("config.properties", "");
    Map<String, String> environment = Map.of("TS_CONFIG_FILE", variable.toString());
    assertEquals(found(Map.of(), Optional.empty()), Optional.of(local));
    assertEquals(found(Map.of(), Optional.of("option.properties")), Optional.of(option));
    assertEquals(found(environment, Optional.of("option.properties")), Optional.of(variable));
    assertEquals(found(Map.of("TS_CONFIG_FILE", " "), Optional.empty()), Optional.of(local));
  }

  @Test
  public void javaPropertiesSyntaxIsRead() throws IOException {
    write(
        "config.properties",
        "# comment\n! another\na=1 \nb : two\nc three\nd=x,\\\n  y\ne=\\u00e9\nf=\u00e9\ng=a=b\n");
    assertEquals(
        ConfigFile.find(Map.of(), Optional.empty(), folder).orElseThrow().values(),
        Map.of("a", "1", "b", "two", "c", "three", "d", "x,y", "e", "é", "f", "é", "g", "a=b"));
  }

  @DataProvider
  public Object[][] sharedCases() throws IOException {
    return shared().getAsJsonArray("read").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .map(each -> new Object[] {each.get("text").getAsString(), each.getAsJsonObject("values")})
        .toArray(Object[][]::new);
  }

  private static JsonObject shared() throws IOException {
    Path cases =
        ConfigurationDocuments.repository()
            .resolve("test")
            .resolve("properties")
            .resolve("cases.json");
    return JsonParser.parseString(Files.readString(cases)).getAsJsonObject();
  }

  /** The torchserve command has a reader of its own, which is tested with the same cases. */
  @Test(dataProvider = "sharedCases")
  public void commandAndServerReadTheSame(String text, JsonObject values) throws IOException {
    Files.writeString(folder.resolve("config.properties"), text);
    Map<String, String> expected = new HashMap<>();
    values.entrySet().forEach(e -> expected.put(e.getKey(), e.getValue().getAsString().strip()));
    assertEquals(
        ConfigFile.find(Map.of(), Optional.empty(), folder).orElseThrow().values(), expected);
  }

  @Test
  public void commandAndServerRefuseTheSame() throws IOException {
    for (JsonElement text : shared().getAsJsonArray("refused")) {
      Files.writeString(folder.resolve("config.properties"), text.getAsString());
      expectThrows(InvalidSettingsException.class, () -> found(Map.of(), Optional.empty()));
    }
  }

  @Test
  public void utf8IsReadAsSuch() throws IOException {
    for (String mark : List.of("", "\ufeff")) {
      Files.writeString(folder.resolve("config.properties"), mark + "a=größe\r\nb=c\r\n");
      assertEquals(
          ConfigFile.find(Map.of(), Optional.empty(), folder).orElseThrow().values(),
          Map.of("a", "größe", "b", "c"));
    }
  }

  @Test
  public void fileIsNamedByVariableOrOptionOnly() {
    assertTrue(ConfigFile.isNamed(Map.of("TS_CONFIG_FILE", "x"), Optional.empty()));
    assertTrue(ConfigFile.isNamed(Map.of(), Optional.of("x")));
    assertFalse(ConfigFile.isNamed(Map.of("TS_CONFIG_FILE", " "), Optional.empty()));
  }

  @Test
  public void missingNamedFileIsRefused() {
    InvalidSettingsException e =
        expectThrows(InvalidSettingsException.class, () -> found(Map.of(), Optional.of("nothing")));
    assertEquals(e.getMessage(), "--ts-config file not found: " + folder.resolve("nothing"));
  }

  @Test
  public void brokenFileIsRefused() throws IOException {
    Path file = write("config.properties", "a=\\u00zz\n");
    InvalidSettingsException e =
        expectThrows(InvalidSettingsException.class, () -> found(Map.of(), Optional.empty()));
    assertTrue(e.getMessage().startsWith("Invalid configuration: " + file), e.getMessage());
  }
}
