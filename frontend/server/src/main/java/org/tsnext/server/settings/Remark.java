package org.tsnext.server.settings;

/**
 * What a person should or may want to know of settings that a server can start with.
 *
 * @param subject the key or the environment variable
 * @param text a full sentence
 */
public record Remark(Kind kind, String subject, String text) {
  /** What it is about. */
  public enum Kind {
    UNKNOWN_KEY(true),
    /** Two settings without a line break between them. */
    JOINED_LINES(true),
    NOT_SUPPORTED(true),
    /** A boolean that is none, taken as TorchServe 0.12 took it. */
    ODD_BOOLEAN(true),
    VARIABLE_IGNORED(true),
    /** {@code python} in the file, where the command has said its own. */
    INTERPRETER_NOT_USED(true),
    OPTION_WINS(false),
    NO_EFFECT(false);

    private final boolean warning;

    Kind(boolean warning) {
      this.warning = warning;
    }
  }

  /** Whether it should be heard at start. */
  boolean isWarning() {
    return kind.warning;
  }
}
