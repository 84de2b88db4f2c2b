package org.tsnext.server.settings;

import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/**
 * A settings file that was read: Java properties syntax, in UTF-8 or else ISO-8859-1.
 *
 * @param path where it lies
 * @param values trimmed
 * @param hasUtf8Letters whether it holds letters beyond ASCII, in UTF-8
 */
public record ConfigFile(Path path, Map<String, String> values, boolean hasUtf8Letters) {
  /** The name looked for in the working directory when no file is given. */
  public static final String DEFAULT_NAME = "config.properties";

  private static final String BYTE_ORDER_MARK = "\ufeff";

  public ConfigFile {
    values = Map.copyOf(values);
  }

  /** The same file, read otherwise. */
  ConfigFile withValues(Map<String, String> others) {
    return new ConfigFile(path, others, hasUtf8Letters);
  }

  /** A file in plain ASCII. */
  public ConfigFile(Path path, Map<String, String> values) {
    this(path, values, false);
  }

  /**
   * Chooses and reads the file: the one named by {@code TS_CONFIG_FILE}, else the one of the
   * command line, else {@value #DEFAULT_NAME} in the working directory if it exists.
   *
   * @throws InvalidSettingsException if a named file cannot be read
   */
  public static Optional<ConfigFile> find(
      Map<String, String> environment, Optional<String> option, Path workingDirectory) {
    String named = environment.getOrDefault("TS_CONFIG_FILE", "").strip();
    if (!named.isEmpty()) {
      return Optional.of(read(workingDirectory.resolve(named)));
    }
    if (option.isPresent()) {
      return Optional.of(read(workingDirectory.resolve(option.get())));
    }
    Path local = workingDirectory.resolve(DEFAULT_NAME);
    return Files.isRegularFile(local) ? Optional.of(read(local)) : Optional.empty();
  }

  /**
   * Whether the file was named, rather than found in the working directory.
   *
   * @param option the file of the command line
   */
  public static boolean isNamed(Map<String, String> environment, Optional<String> option) {
    return !environment.getOrDefault("TS_CONFIG_FILE", "").isBlank() || option.isPresent();
  }

  /**
   * Reads a file.
   *
   * @throws InvalidSettingsException if it is not there or not in that syntax
   */
  public static ConfigFile read(Path path) {
    if (!Files.exists(path)) {
      throw new InvalidSettingsException("--ts-config file not found: " + path);
    }
    Properties properties = new Properties();
    boolean utf8Letters;
    try {
      byte[] bytes = Files.readAllBytes(path);
      Optional<String> text = decodeUtf8(bytes);
      utf8Letters = text.isPresent() && text.get().length() < bytes.length;
      properties.load(
          new StringReader(text.orElseGet(() -> new String(bytes, StandardCharsets.ISO_8859_1))));
    } catch (IOException | IllegalArgumentException e) {
      throw new InvalidSettingsException(
          "Invalid configuration: " + path + " cannot be read as a properties file: " + e);
    }
    Map<String, String> values = new TreeMap<>();
    for (String name : properties.stringPropertyNames()) {
      values.put(name, properties.getProperty(name).strip());
    }
    return new ConfigFile(path.toAbsolutePath().normalize(), values, utf8Letters);
  }

  /**
   * Files in ISO-8859-1 are no valid UTF-8 as soon as they hold more than ASCII. The mark that some
   * editors put in front of UTF-8 is no part of the first key.
   */
  private static Optional<String> decodeUtf8(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return Optional.of(text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text);
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }
}
