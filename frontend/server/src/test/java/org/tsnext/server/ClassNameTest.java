package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.testng.annotations.Test;

/** A name belongs to one class of the project; tests and benchmarks count. */
public class ClassNameTest {

  /** All modules; tests run in the folder of theirs. */
  private static final Path FRONTEND = Path.of("").toAbsolutePath().getParent();

  @Test
  public void noTwoSourceFilesHaveOneName() throws IOException {
    Map<String, List<String>> places = new TreeMap<>();
    try (Stream<Path> files = Files.walk(FRONTEND)) {
      files
          .map(FRONTEND::relativize)
          .filter(ClassNameTest::isSourceOfAClass)
          .collect(Collectors.groupingBy(file -> file.getFileName().toString()))
          .forEach((name, all) -> places.put(name, all.stream().map(Path::toString).toList()));
    }
    assertTrue(places.containsKey("ClassNameTest.java"), "sources of tests are looked at");
    places.values().removeIf(all -> all.size() == 1);
    assertEquals(places, Map.of());
  }

  private static boolean isSourceOfAClass(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(".java")
        && !name.equals("package-info.java")
        && file.getNameCount() > 2
        && file.getName(1).toString().equals("src");
  }
}
