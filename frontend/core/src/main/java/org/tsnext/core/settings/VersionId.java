package org.tsnext.core.settings;

import java.util.Objects;

/**
 * Which version of which model is meant.
 *
 * @param name of the model
 */
public record VersionId(String name, String version) {

  public VersionId {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(version, "version");
  }
}
