package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** A file that grows beyond what a reader keeps in mind is split by what its parts are. */
public class SourceLengthTest {

  private static final int MAX_LINES = 400;
  private static final int MAX_LINES_OF_CORE = 300;

  /** The repository; tests run in the folder of their module. */
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent().getParent();

  @DataProvider
  Object[][] productionCode() {
    return new Object[][] {
      {"frontend/core/src/main/java", ".java", MAX_LINES_OF_CORE},
      {"frontend/api/src/main/java", ".java", MAX_LINES},
      {"frontend/archive/src/main/java", ".java", MAX_LINES},
      {"frontend/compatibility/src/main/java", ".java", MAX_LINES},
      {"frontend/grpc/src/main/java", ".java", MAX_LINES},
      {"frontend/http/src/main/java", ".java", MAX_LINES},
      {"frontend/jobs/src/main/java", ".java", MAX_LINES},
      {"frontend/server/src/main/java", ".java", MAX_LINES},
      {"frontend/transport/src/main/java", ".java", MAX_LINES},
      {"frontend/worker/src/main/java", ".java", MAX_LINES},
      {"frontend/workflow/src/main/java", ".java", MAX_LINES},
      {"frontend/console/src", ".ts", MAX_LINES},
      {"frontend/console/src", ".tsx", MAX_LINES},
      {"ts-python/src", ".py", MAX_LINES},
      {"model-archiver/src", ".py", MAX_LINES},
    };
  }

  @Test(dataProvider = "productionCode")
  public void noFileIsLongerThanItsLimit(String folder, String ending, int limit)
      throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(ROOT.resolve(folder))) {
      files = all.filter(path -> path.toString().endsWith(ending)).toList();
    }
    assertTrue(!files.isEmpty(), "no file ends with " + ending + " in " + folder);
    List<String> tooLong = new ArrayList<>();
    for (Path file : files) {
      long lines;
      try (Stream<String> text = Files.lines(file)) {
        lines = text.count();
      }
      if (lines > limit) {
        tooLong.add(ROOT.relativize(file) + " has " + lines + " lines, expected at most " + limit);
      }
    }
    assertEquals(tooLong, List.of());
  }
}
