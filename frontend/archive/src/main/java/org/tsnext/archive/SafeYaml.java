package org.tsnext.archive;

import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * The one way to read YAML here: plain data whatever the tags say, and limits to size, depth and
 * aliases, so that a small file cannot grow.
 */
public final class SafeYaml {

  /** How long a document may be, in characters. */
  public static final int MAX_LENGTH = BoundedFile.MAX_BYTES;

  private static final int MAX_ALIASES = 30;
  private static final int MAX_NESTING = 50;

  private SafeYaml() {}

  /** A text that is no YAML, or goes beyond a limit. The message says where and what. */
  public static final class InvalidYamlException extends Exception {
    InvalidYamlException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Reads one document.
   *
   * @return maps, lists, texts, numbers and the like; null for an empty document
   */
  public static Object load(String text) throws InvalidYamlException {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    options.setAllowRecursiveKeys(false);
    options.setMaxAliasesForCollections(MAX_ALIASES);
    options.setNestingDepthLimit(MAX_NESTING);
    options.setCodePointLimit(MAX_LENGTH);
    try {
      return new Yaml(new SafeConstructor(options)).load(text);
    } catch (YAMLException | ClassCastException | IllegalArgumentException e) {
      throw new InvalidYamlException(problemOf(e), e);
    }
  }

  private static String problemOf(RuntimeException e) {
    if (e instanceof MarkedYAMLException marked && marked.getProblemMark() != null) {
      return "line "
          + (marked.getProblemMark().getLine() + 1)
          + " column "
          + (marked.getProblemMark().getColumn() + 1)
          + ": "
          + PrintableText.of(String.valueOf(marked.getProblem()));
    }
    return PrintableText.of(String.valueOf(e.getMessage()));
  }
}
