package org.tsnext.http.settings;

import java.util.List;

/**
 * By which names clients may call this server, beside those that no stranger can own.
 *
 * @param allowed names in lower case; one that starts with a dot stands for all below it; {@code *}
 *     for all there are
 */
public record HostSettings(List<String> allowed) {

  public HostSettings {
    allowed = List.copyOf(allowed);
  }

  /** Whether no name is refused. */
  public boolean any() {
    return allowed.contains("*");
  }
}
