package org.tsnext.core.model;

import java.util.Objects;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;

/**
 * What it takes to register a model version again.
 *
 * @param registration the registration, as it was asked for
 * @param scaled whether an order changed the number of workers after the registration
 * @param settings the effective ones, with the number of workers that holds now
 */
public record RegisteredModel(
    VersionId id,
    boolean defaultVersion,
    RegisterModel registration,
    String runtime,
    boolean scaled,
    VersionSettings settings) {

  public RegisteredModel {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(registration, "order");
    Objects.requireNonNull(settings, "settings");
  }

  public String name() {
    return id.name();
  }

  public String version() {
    return id.version();
  }
}
