package org.tsnext.worker.environment;

import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The environment variables that Python processes get from the server's own. They use UTF-8 for
 * texts and the names of files, whatever locale the server was started in.
 *
 * @param inherited the server's own environment
 * @param blocked {@code blacklist_env_vars}: names that match it as a whole are not passed on
 * @param secrets names of variables that hold the server's secrets; never passed on
 */
public record ProcessEnvironment(
    Map<String, String> inherited, Optional<Pattern> blocked, Set<String> secrets) {

  public ProcessEnvironment {
    Objects.requireNonNull(blocked, "blocked");
    inherited = Map.copyOf(inherited);
    secrets = Set.copyOf(secrets);
  }

  private static final String UTF8_MODE = "PYTHONUTF8";

  /** What is left of the server's environment, and Python's UTF-8 mode; sorted by name. */
  public Map<String, String> allowed() {
    Map<String, String> kept = new TreeMap<>(inherited);
    kept.keySet().removeIf(name -> secrets.contains(name) || isBlocked(name));
    kept.put(UTF8_MODE, "1");
    return kept;
  }

  /** Whether the block-list forbids a variable. */
  public boolean isBlocked(String name) {
    return blocked.isPresent() && blocked.get().matcher(name).matches();
  }
}
