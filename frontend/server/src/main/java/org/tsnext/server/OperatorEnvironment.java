package org.tsnext.server;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The environment that the operator started the server in. The command that runs the JVM sets
 * {@code LC_ALL} where the operator's locale is not one of UTF-8: the JVM takes the encoding of
 * file names from it, and from nothing else. Workers get the operator's own value.
 */
final class OperatorEnvironment {
  /** The operator's {@code LC_ALL}, empty if there was none; set only if it was changed. */
  static final String PROPERTY = "tsnext.lc_all";

  private static final String VARIABLE = "LC_ALL";

  private OperatorEnvironment() {}

  /**
   * Returns the operator's variables.
   *
   * @param environment the process's own
   * @param before value of {@link #PROPERTY}
   */
  static Map<String, String> of(Map<String, String> environment, Optional<String> before) {
    if (before.isEmpty()) {
      return environment;
    }
    Map<String, String> variables = new TreeMap<>(environment);
    if (before.get().isEmpty()) {
      variables.remove(VARIABLE);
    } else {
      variables.put(VARIABLE, before.get());
    }
    return variables;
  }
}
