package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.server.ServerOptions.Task;
import org.tsnext.server.check.Finding;
import org.tsnext.server.check.Report;
import org.tsnext.server.machine.GpuDetector;

/**
 * The settings files in test/configs, as public repositories have them. Each says in lines {@code
 * #?} how it is checked, and what the check has to find: all that fails or differs, in that order,
 * and of what works the lines that are named.
 */
public class StartCheckTest {
  private static final Path REPOSITORY = Path.of("../..").toAbsolutePath().normalize();
  private static final Path CONFIGS = REPOSITORY.resolve("test/configs");

  private Path folder;

  /** One expectation: a level, a part of the subject, a part of the text. */
  private record Expected(String level, String subject, String text) {
    static Expected parse(String line) {
      String[] words = line.split(" ", 2);
      String[] parts = words[1].split(": ", 2);
      return new Expected(words[0], parts[0], parts.length > 1 ? parts[1] : "");
    }

    boolean matches(Finding finding) {
      return finding.level().word().equals(level)
          && finding.subject().endsWith(subject)
          && (finding.what() + finding.remedy().orElse("")).contains(text);
    }
  }

  @BeforeClass
  void packModels() throws IOException {
    folder = Files.createTempDirectory("configs");
    try (Stream<Path> all = Files.walk(CONFIGS.resolve("stores"))) {
      for (Path path : all.filter(Files::isDirectory).toList()) {
        if (path.getFileName().toString().endsWith(".mar")) {
          zip(path, target(path));
        }
      }
    }
    try (Stream<Path> all = Files.walk(CONFIGS.resolve("stores"))) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        if (!path.getParent().toString().contains(".mar")) {
          Files.createDirectories(target(path).getParent());
          Files.copy(path, target(path));
        }
      }
    }
  }

  @AfterClass(alwaysRun = true)
  void removeModels() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @DataProvider
  Object[] configs() throws IOException {
    try (Stream<Path> files = Files.list(CONFIGS)) {
      return files
          .filter(Files::isRegularFile)
          .map(path -> path.getFileName().toString())
          .filter(name -> name.endsWith(".properties"))
          .sorted()
          .toArray();
    }
  }

  @Test
  public void thereAreFortyOrMore() throws IOException {
    assertTrue(configs().length >= 40, configs().length + " settings files");
  }

  @Test(dataProvider = "configs")
  public void checkFindsWhatTheFileSays(String name) throws Exception {
    List<Expected> expected = directives(name, "finds").stream().map(Expected::parse).toList();
    List<Finding> found = check(name).findings();
    String all = String.join("\n", found.stream().map(Finding::toString).toList());
    int next = 0;
    for (Finding finding : found) {
      boolean matches = next < expected.size() && expected.get(next).matches(finding);
      if (matches) {
        next++;
      } else {
        assertEquals(finding.level(), Finding.Level.WORKS, finding + " is not expected in\n" + all);
      }
    }
    assertEquals(
        next,
        expected.size(),
        "not found, in this place: "
            + (next < expected.size() ? expected.get(next) : "")
            + " in\n"
            + all);
  }

  @Test(dataProvider = "configs")
  public void whatFailsOrDiffersHasARemedy(String name) throws Exception {
    for (Finding finding : check(name).findings()) {
      assertTrue(
          finding.level() == Finding.Level.WORKS || finding.remedy().isPresent(),
          finding.toString());
    }
  }

  @Test
  public void checkLeavesNothingBehindAndShowsNoSecret() throws Exception {
    Path temporary = Files.createDirectory(folder.resolve("temporary"));
    String text = check("models_named.properties", temporary).text();
    try (Stream<Path> left = Files.list(temporary)) {
      assertEquals(left.toList(), List.of());
    }
    assertTrue(!text.contains("secret"), text);
    Files.delete(temporary);
  }

  @Test
  public void reportIsTextWithASummaryAtItsEndOrJson() throws Exception {
    Report report = check("plugins.properties");
    List<String> lines = report.text().lines().toList();
    assertEquals(
        lines.get(lines.size() - 1),
        "Does not work as it is: 1 fail, 5 differ, 2 work. Nothing was started or changed.");
    JsonObject json = JsonParser.parseString(report.json()).getAsJsonObject();
    assertEquals(json.get("result").getAsString(), "fails");
    assertEquals(json.getAsJsonObject("counts").get("differs").getAsInt(), 5);
    JsonObject last = json.getAsJsonArray("findings").get(7).getAsJsonObject();
    assertEquals(last.keySet(), Set.of("level", "subject", "what", "remedy"));
    assertEquals(last.get("subject").getAsString(), "clients");
  }

  private Report check(String name) throws Exception {
    return check(name, folder);
  }

  private Report check(String name, Path temporary) throws Exception {
    Map<String, String> environment = new HashMap<>();
    environment.put("STORES", folder.toString());
    environment.put("FILES", CONFIGS.resolve("files").toString());
    environment.put("LOG_LOCATION", folder.resolve("logs").toString());
    for (String variable : directives(name, "env")) {
      String[] parts = variable.split("=", 2);
      environment.put(parts[0], parts[1]);
    }
    List<String> words =
        new ArrayList<>(List.of("--check", "-f", CONFIGS.resolve(name).toString()));
    words.addAll(List.of("--ts-home", REPOSITORY.resolve("ts-python/src/ts").toString()));
    for (String line : directives(name, "options")) {
      for (String word : line.split(" ", -1)) {
        words.add(
            word.replace("$$STORES$$", environment.get("STORES"))
                .replace("$$FILES$$", environment.get("FILES")));
      }
    }
    ServerOptions options = ServerOptions.parse(words.toArray(String[]::new));
    GpuDetector none = new GpuDetector(environment, Optional::empty);
    return new StartCheck(options, environment, none, temporary).run((Task.Check) options.task());
  }

  private static List<String> directives(String name, String word) throws IOException {
    String text = Files.readString(CONFIGS.resolve(name), StandardCharsets.ISO_8859_1);
    return text.lines()
        .filter(line -> line.startsWith("#? " + word + " "))
        .map(line -> line.substring(4 + word.length()).strip())
        .toList();
  }

  private Path target(Path path) {
    return folder.resolve(CONFIGS.resolve("stores").relativize(path));
  }

  private static void zip(Path model, Path archive) throws IOException {
    Files.createDirectories(archive.getParent());
    try (OutputStream out = Files.newOutputStream(archive);
        ZipOutputStream zip = new ZipOutputStream(out);
        Stream<Path> all = Files.walk(model)) {
      for (Path file : all.filter(Files::isRegularFile).sorted().toList()) {
        zip.putNextEntry(new ZipEntry(model.relativize(file).toString()));
        Files.copy(file, zip);
        zip.closeEntry();
      }
    }
  }
}
