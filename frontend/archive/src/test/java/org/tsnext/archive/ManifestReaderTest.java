package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException.Reason;

/** What a manifest says, and which ones are refused. */
public class ManifestReaderTest {

  private final ManifestReader reader = new ManifestReader();

  private String refusal(String text) {
    ArchiveException e = expectThrows(ArchiveException.class, () -> reader.parse(text));
    assertEquals(e.reason(), Reason.INVALID);
    return e.getMessage();
  }

  @Test
  public void everyFieldIsRead() throws ArchiveException {
    Manifest manifest =
        reader.parse(
            """
            {
              "createdOn": "22/11/2026 11:53:29",
              "runtime": "python3",
              "model": {
                "modelName": "m3", "serializedFile": "w.pt", "handler": "h1:handle",
                "modelFile": "m.py", "modelVersion": "1", "requirementsFile": "reqs.txt",
                "configFile": "model-config.yaml", "envelope": "json", "future": [1]
              },
              "archiverVersion": "0.12.0"
            }
            """);
    assertEquals(
        manifest,
        new Manifest(
            Optional.of("m3"),
            Optional.of("1"),
            Optional.of("h1:handle"),
            Optional.of("json"),
            "python3",
            new Manifest.NamedFiles(
                Optional.of("w.pt"),
                Optional.of("m.py"),
                Optional.of("reqs.txt"),
                Optional.of("model-config.yaml"))));
  }

  @Test
  public void absentEmptyAndNullFieldsAreEmpty() throws ArchiveException {
    Manifest manifest =
        reader.parse("\uFEFF{\"model\": {\"modelVersion\": \"\", \"handler\": null}}".substring(1));
    assertEquals(manifest.modelVersion(), Optional.empty());
    assertEquals(manifest.handler(), Optional.empty());
    assertEquals(manifest.modelName(), Optional.empty());
    assertEquals(manifest.runtime(), "python");
  }

  @Test
  public void versionMayBeANumber() throws ArchiveException {
    assertEquals(
        reader.parse("{\"model\": {\"modelVersion\": 1.0}}").modelVersion(), Optional.of("1.0"));
  }

  @Test
  public void missingModelEntryIsNamed() {
    assertEquals(refusal("{}"), "Missing Model entry in manifest file.");
    assertEquals(refusal("{\"model\": null}"), "Missing Model entry in manifest file.");
  }

  @Test
  public void brokenJsonIsRefusedWithItsPlace() {
    assertEquals(
        refusal("{\n  \"model\": {\"a\" 1}\n}"),
        "MAR-INF/MANIFEST.json is not valid JSON at line 2 column 18 path $.model.a");
  }

  @DataProvider
  public Object[][] brokenTexts() {
    return new Object[][] {
      {""},
      {"  "},
      {"["},
      {"[]"},
      {"{\"model\": {}} trailing"},
      {"{'model': {}}"},
      {"{model: {}}"},
      {"{\"model\": 1}"},
      {"{\"model\": {}"},
      {"[".repeat(100_000)},
      {"{\"model\": {\"modelName\": {}}}"},
      {"{\"model\": {\"handler\": true}}"},
      {"{\"model\": {}, \"runtime\": []}"}
    };
  }

  @Test(dataProvider = "brokenTexts")
  public void brokenTextsAreRefusedInWords(String text) {
    assertTrue(refusal(text).startsWith("MAR-INF/MANIFEST.json "), refusal(text));
  }

  @DataProvider
  public Object[][] paths() {
    return new Object[][] {
      {"serializedFile", "../../etc/passwd"},
      {"modelFile", "/etc/passwd"},
      {"handler", "../evil.py:handle"},
      {"handler", "/tmp/evil:handle"},
      {"handler", ":handle"},
      {"requirementsFile", "a/../../b"},
      {"configFile", "..\\\\evil.yaml"},
      {"configFile", "a\\u0000.yaml"},
      {"configFile", ".."},
    };
  }

  @Test(dataProvider = "paths")
  public void pathsThatLeadOutAreRefusedByField(String field, String value) {
    String message = refusal("{\"model\": {\"" + field + "\": \"" + value + "\"}}");
    assertTrue(message.startsWith("MAR-INF/MANIFEST.json field '" + field + "' is '"), message);
    assertTrue(message.endsWith("expected the name of a file inside the model's folder"), message);
  }

  @Test
  public void unknownRuntimeIsLeftToTheCallerWhoMayNameAnother() throws ArchiveException {
    assertEquals(reader.parse("{\"model\": {}, \"runtime\": \"java\"}").runtime(), "java");
    assertFalse(Manifest.isRuntime("java"));
    assertFalse(Manifest.isRuntime("PYTHON"));
    assertTrue(Manifest.isRuntime("python"));
    assertTrue(Manifest.isRuntime("LSP"));
  }

  @Test
  public void largeAndUndecodableFilesAreRefused() throws IOException {
    Path directory = Files.createTempDirectory("tsnext-manifest-test");
    try {
      Path file = directory.resolve("MAR-INF/MANIFEST.json");
      Files.createDirectory(file.getParent());
      Files.write(file, new byte[BoundedFile.MAX_BYTES + 1]);
      assertEquals(
          expectThrows(ArchiveException.class, () -> reader.read(directory)).getMessage(),
          "MAR-INF/MANIFEST.json has more than the 1048576 bytes allowed");
      Files.write(file, new byte[] {(byte) 0xC3, 0x28});
      assertEquals(
          expectThrows(ArchiveException.class, () -> reader.read(directory)).getMessage(),
          "MAR-INF/MANIFEST.json is not UTF-8 text");
    } finally {
      FileTree.delete(directory);
    }
  }

  @Test
  public void byteOrderMarkIsSkipped() throws Exception {
    Path directory = Files.createTempDirectory("tsnext-manifest-test");
    try {
      Files.createDirectory(directory.resolve("MAR-INF"));
      Files.writeString(
          directory.resolve("MAR-INF/MANIFEST.json"), "\uFEFF{\"model\": {\"modelName\": \"é\"}}");
      assertEquals(reader.read(directory).orElseThrow().modelName(), Optional.of("é"));
    } finally {
      FileTree.delete(directory);
    }
  }
}
