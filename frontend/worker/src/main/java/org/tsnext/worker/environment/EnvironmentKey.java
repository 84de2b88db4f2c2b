package org.tsnext.worker.environment;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.tsnext.archive.Sha256;

/**
 * What an environment is made of, as one digest: the interpreter, pip's settings, the requirements,
 * and the files of the model if the requirements may name some of them.
 */
final class EnvironmentKey {

  /** Changes when environments are laid out differently. */
  private static final String LAYOUT = "1";

  /** {@code name}, extras, versions, markers; anything else may point to a file of the model. */
  private static final Pattern INDEXED =
      Pattern.compile(
          "\\s*(#.*)?|\\s*[A-Za-z0-9][A-Za-z0-9._-]*\\s*(\\[[A-Za-z0-9._,\\s-]*\\])?"
              + "[^/\\\\:@]*(\\s--hash=[a-z0-9]+:[0-9a-f]+|\\\\\\s*)*"
              + "|\\s*--hash=[a-z0-9]+:[0-9a-f]+\\s*\\\\?\\s*"
              + "|\\s*(-i|--index-url|--extra-index-url)[\\s=]+https?://\\S+\\s*"
              + "|\\s*(--no-index|--pre|--prefer-binary)\\s*");

  private EnvironmentKey() {}

  /**
   * @param parts whatever else makes a difference, in order
   * @param environment the variables that pip sees
   * @param requirements the file; null for none
   * @param model its folder
   */
  static String of(
      List<String> parts, Map<String, String> environment, Path requirements, Path model)
      throws IOException {
    StringBuilder text = new StringBuilder(LAYOUT).append('\n');
    parts.forEach(part -> text.append(part.length()).append(':').append(part).append('\n'));
    new TreeMap<>(environment)
        .forEach(
            (name, value) -> {
              if (name.startsWith("PIP_")) {
                text.append(name).append('=').append(value).append('\n');
              }
            });
    if (requirements != null) {
      String content = Files.readString(requirements, StandardCharsets.UTF_8);
      text.append(content);
      if (!content.lines().allMatch(line -> INDEXED.matcher(line).matches())) {
        text.append('\n').append(digestOf(model));
      }
    }
    return Sha256.hexOf(text.toString());
  }

  private static String digestOf(Path model) throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> paths = Files.walk(model)) {
      for (Path path : paths.sorted().toList()) {
        if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
          try (InputStream in = Files.newInputStream(path)) {
            text.append(model.relativize(path)).append(' ').append(Sha256.hexOf(in)).append('\n');
          }
        }
      }
    }
    return Sha256.hexOf(text.toString());
  }
}
