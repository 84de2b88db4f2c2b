package org.tsnext.archive;

import java.util.List;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.AbstractConstruct;
import org.yaml.snakeyaml.constructor.Construct;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeId;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * The one way to read YAML here: plain data whatever the tags say, and limits to size, depth and
 * aliases, so that a small file cannot grow.
 */
public final class SafeYaml {

  /** How long a document may be, in characters. */
  public static final int MAX_LENGTH = BoundedFile.MAX_BYTES;

  private static final int MAX_ALIASES = 30;
  private static final int MAX_NESTING = 50;

  /** Characters of a number or a date; reading longer ones takes more than linear time. */
  private static final int MAX_SCALAR = 64;

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
      return new Yaml(
              new BoundedConstructor(options),
              new Representer(new DumperOptions()),
              new DumperOptions(),
              options,
              new BoundedResolver())
          .load(text);
    } catch (YAMLException | ClassCastException | IllegalArgumentException e) {
      throw new InvalidYamlException(problemOf(e), e);
    }
  }

  /** Takes a long plain value for a text: no number or date has so many characters. */
  private static final class BoundedResolver extends Resolver {
    @Override
    public Tag resolve(NodeId kind, String value, boolean implicit) {
      return kind == NodeId.scalar && implicit && value.length() > MAX_SCALAR
          ? Tag.STR
          : super.resolve(kind, value, implicit);
    }
  }

  /** Refuses a long value that a tag says is a number or a date. */
  private static final class BoundedConstructor extends SafeConstructor {
    BoundedConstructor(LoaderOptions options) {
      super(options);
      for (Tag tag : List.of(Tag.INT, Tag.FLOAT, Tag.TIMESTAMP)) {
        yamlConstructors.put(tag, bounded(yamlConstructors.get(tag)));
      }
    }

    private static Construct bounded(Construct construct) {
      return new AbstractConstruct() {
        @Override
        public Object construct(Node node) {
          if (node instanceof ScalarNode scalar && scalar.getValue().length() > MAX_SCALAR) {
            throw new YAMLException(
                "a number or date has "
                    + scalar.getValue().length()
                    + " characters, expected at most "
                    + MAX_SCALAR);
          }
          return construct.construct(node);
        }
      };
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
