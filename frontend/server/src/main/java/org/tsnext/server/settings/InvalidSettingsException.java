package org.tsnext.server.settings;

import java.util.List;

/** Settings that the server cannot start with. */
public final class InvalidSettingsException extends RuntimeException {
  private final transient List<String> problems;

  public InvalidSettingsException(String problem) {
    this(List.of(problem));
  }

  public InvalidSettingsException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = List.copyOf(problems);
  }

  /** One line each; at least one. */
  public List<String> problems() {
    return problems;
  }
}
