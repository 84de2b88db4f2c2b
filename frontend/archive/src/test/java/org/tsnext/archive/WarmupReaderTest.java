package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ModelConfig.Warmup;

/** Which inputs a model may name for its warm-up. */
public class WarmupReaderTest {

  private final ModelConfigReader reader = new ModelConfigReader();

  private ModelConfig parse(String yaml) throws ArchiveException {
    return reader.parse(yaml, "model-config.yaml");
  }

  @Test
  public void filesAndInlineBodiesAreTaken() throws ArchiveException {
    String yaml =
        """
        warmup:
          - kitten.jpg
          - file: samples/long.txt
            contentType: text/plain; charset=utf-8
            repeat: 100
            batchSizes: [1, 4096]
          - body: hello
          - body: {messages: [{role: user, content: hi}]}
            route: /v1/chat/completions
        """;
    assertEquals(
        parse(yaml).requests().warmup(), new Warmup(4, List.of("kitten.jpg", "samples/long.txt")));
    assertEquals(parse(yaml).findings().corrections(), List.of());
  }

  @Test
  public void keyThatIsNoListIsLeftToTheHandlerWithAWarning() throws ArchiveException {
    for (String own : List.of("true", "3", "kitten.jpg", "{steps: 3}")) {
      ModelConfig config = parse("warmup: " + own);
      assertEquals(config.requests().warmup(), Warmup.NONE, own);
      assertEquals(config.findings().corrections().size(), 1, own);
    }
    assertEquals(
        parse("warmup: true").findings().corrections(),
        List.of(
            "model-config.yaml: warmup is true, expected a list of names of files, or of maps with"
                + " file or body; it is left to the handler"));
  }

  @DataProvider
  public Object[][] wrongEntries() {
    String file = "is '%s', expected the name of a file in the model's folder";
    String sizes = "expected a list of 1 to 16 whole numbers from 1 to 4096";
    return new Object[][] {
      {
        "{file: a}",
        "warmup is a map, expected a list of names of files, or of maps with file or body"
      },
      {"[3]", "warmup[0] is 3, expected the name of a file, or a map with file or body"},
      {
        "[" + "a, ".repeat(33) + "]",
        "warmup is a list, expected a list of at most 32 files or maps"
      },
      {"[../a]", "warmup[0] " + file.formatted("../a")},
      {"[{file: /etc/passwd}]", "warmup[0].file " + file.formatted("/etc/passwd")},
      {"[{file: 'a/../../b'}]", "warmup[0].file " + file.formatted("a/../../b")},
      {"[{file: 'C:\\a'}]", "warmup[0].file " + file.formatted("C:\\a")},
      {"[{file: 7}]", "warmup[0].file is 7, expected the name of a file in the model's folder"},
      {
        "[a, {file: b, body: c}]",
        "warmup[1] is a map, expected a map with file or body, and only one of them"
      },
      {
        "[{repeat: 2}]",
        "warmup[0] is a map, expected a map with file or body, and only one of them"
      },
      {
        "[{body: x, batchsize: 3}]",
        "warmup[0].batchsize is 3, expected only the keys file, body, contentType, route, repeat,"
            + " batchSizes"
      },
      {
        "[{body: x, repeat: 101}]", "warmup[0].repeat is 101, expected a whole number from 1 to 100"
      },
      {"[{body: x, batchSizes: 8}]", "warmup[0].batchSizes is 8, " + sizes},
      {"[{body: x, batchSizes: []}]", "warmup[0].batchSizes is a list, " + sizes},
      {"[{body: x, batchSizes: [1, 4097]}]", "warmup[0].batchSizes is 4097, " + sizes},
      {
        "[{body: x, contentType: png}]",
        "warmup[0].contentType is 'png', expected a text of at most 256 characters, such as"
            + " image/png"
      },
      {
        "[{body: x, route: 'v1/a b'}]",
        "warmup[0].route is 'v1/a b', expected a text of at most 256 characters, such as"
            + " /v1/chat/completions"
      },
    };
  }

  @Test(dataProvider = "wrongEntries")
  public void wrongEntryIsRefusedWithPlaceValueAndWant(String value, String message) {
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> parse("warmup: " + value + "\n"));
    assertEquals(e.getMessage(), "model-config.yaml: " + message);
  }

  @Test
  public void fileThatWasNotPackedIsNamed() throws IOException, ArchiveException {
    Path directory = Files.createTempDirectory("tsnext-warmup-test");
    try {
      Files.writeString(directory.resolve("model-config.yaml"), "warmup: [kitten.jpg]");
      ArchiveException e =
          expectThrows(ArchiveException.class, () -> reader.read(directory, Optional.empty()));
      assertEquals(
          e.getMessage(),
          "model-config.yaml: warmup names the file 'kitten.jpg', which is not in the model's"
              + " folder; pack it with --extra-files");
      Files.createFile(directory.resolve("kitten.jpg"));
      assertEquals(reader.read(directory, Optional.empty()).requests().warmup().entries(), 1);
    } finally {
      FileTree.delete(directory);
    }
  }
}
