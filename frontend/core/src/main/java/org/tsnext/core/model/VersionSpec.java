package org.tsnext.core.model;

import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;

/**
 * A model version as it is to be: what is served, with which settings.
 *
 * @param registration the registration that made it
 */
record VersionSpec(Model model, VersionSettings settings, RegisterModel registration) {

  /**
   * What is served.
   *
   * @param url as given at registration
   * @param handler {@code module:function}, {@code file.py} or the name of a default handler
   */
  record Model(
      VersionId id, String url, String runtime, String handler, Optional<String> envelope) {

    Model {
      Objects.requireNonNull(id, "id");
      Objects.requireNonNull(url, "url");
      Objects.requireNonNull(runtime, "runtime");
      Objects.requireNonNull(handler, "handler");
      Objects.requireNonNull(envelope, "envelope");
    }
  }

  VersionSpec {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(registration, "order");
  }

  String name() {
    return model.id().name();
  }

  String version() {
    return model.id().version();
  }

  /**
   * Everything that is told about the version.
   *
   * @param now the settings, with what has changed while it lives
   */
  ModelDescription describe(
      boolean defaultVersion, VersionSettings now, ModelDescription.Condition condition) {
    return new ModelDescription(
        new ModelDescription.Identity(
            model.id(),
            model.url(),
            model.runtime(),
            registration.origin().trusted()
                && registration.origin().part() == RegisterModel.Part.MODEL,
            defaultVersion),
        now,
        condition);
  }
}
