package org.tsnext.server.settings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tsnext.server.settings.SettingKey.EnvironmentForm.Gate;
import org.tsnext.server.settings.SettingKey.Support;

/**
 * Writes the table of settings as {@code config.properties} and {@code docs/configuration.md}. A
 * test compares the files of the repository with it; {@code mvn -Dtsnext.writeDocuments=true} for
 * that test replaces them.
 */
final class ConfigurationDocuments {
  private static final int WIDTH = 100;

  private ConfigurationDocuments() {}

  /** The top folder of the repository. */
  static Path repository() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("frontend"))) {
      folder = folder.getParent();
    }
    return folder;
  }

  static String properties() {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        # Settings of TorchServe Next. Every key is listed with its default, commented out: copy what you
        # change. The file is used when it is named by --ts-config or TS_CONFIG_FILE, or lies in the folder
        # in which the server is started. $$NAME$$ stands for an environment variable. Other ways to set
        # a key, and what beats what: docs/configuration.md.
        """);
    for (SettingTable.Section section : SettingTable.SECTIONS) {
      text.append("\n\n# ---- ").append(section.title()).append(" ----\n");
      for (SettingKey<?> key : section.keys()) {
        text.append('\n');
        for (String line : wrap(sentence(key), WIDTH - 2)) {
          text.append("# ").append(line).append('\n');
        }
        text.append('#').append(key.name()).append('=');
        text.append(key.defaultText().orElse("")).append('\n');
      }
    }
    return text.toString();
  }

  static String markdown() throws IOException {
    StringBuilder text = new StringBuilder(resource("configuration-introduction.md"));
    Map<String, String> examples = examples();
    for (SettingTable.Section section : SettingTable.SECTIONS) {
      text.append("\n## ").append(section.title()).append("\n\n");
      text.append("| key | default | accepted | example | environment | meaning |\n");
      text.append("|---|---|---|---|---|---|\n");
      for (SettingKey<?> key : section.keys()) {
        text.append("| `").append(key.name()).append("` | ");
        text.append(key.defaultText().map(value -> "`" + value + "`").orElse("–"));
        text.append(" | ").append(cell(key.type().expected()));
        text.append(" | ").append(cell("`" + examples.get(key.name()) + "`"));
        text.append(" | ").append(environment(key));
        text.append(" | ").append(cell(sentence(key))).append(" |\n");
      }
    }
    return text.toString();
  }

  /** An example of each key by its name, as it is written in the file, in the file's order. */
  static Map<String, String> examples() throws IOException {
    Map<String, String> examples = new LinkedHashMap<>();
    for (String line : resource("configuration-examples.properties").lines().toList()) {
      int equals = line.indexOf('=');
      if (!line.startsWith("#")
          && examples.put(line.substring(0, equals), line.substring(equals + 1)) != null) {
        throw new IllegalStateException("two examples: " + line);
      }
    }
    return examples;
  }

  private static String resource(String name) throws IOException {
    return new String(
        ConfigurationDocuments.class.getResourceAsStream(name).readAllBytes(),
        StandardCharsets.UTF_8);
  }

  private static String sentence(SettingKey<?> key) {
    Support<?> support = key.support();
    return switch (support.level()) {
      case PRESENT -> key.description();
      case NOT_SUPPORTED, NO_EFFECT -> key.description() + " (No effect: " + support.note() + ".)";
    };
  }

  private static String environment(SettingKey<?> key) {
    String variable = "`" + key.environment().variable() + "`";
    Gate gate = key.environment().gate();
    return switch (gate) {
      case NEVER -> "–";
      case WHEN_ENABLED -> variable;
      case WHEN_URLS_ENABLED -> variable + " (with `use_env_allowed_urls`)";
      case ALWAYS -> variable + ", always";
      case WITHOUT_OPTION -> variable + ", always unless the command line says it";
    };
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }

  private static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : text.split(" ", -1)) {
      if (line.length() > 0 && line.length() + 1 + word.length() > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.length() > 0 ? " " : "").append(word);
    }
    lines.add(line.toString());
    return lines;
  }
}
