package org.tsnext.server.settings;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * One key of {@code config.properties}.
 *
 * @param name as users write it
 * @param type how its text is read and what is accepted
 * @param defaultText the value if it is not set, as the file would say it; empty for nothing
 * @param environment the environment variable that may set it
 * @param support whether this version does what the key asks for
 * @param secret whether its value must not be shown
 * @param description a sentence or two for users
 */
public record SettingKey<T>(
    String name,
    SettingType<T> type,
    Optional<String> defaultText,
    EnvironmentForm environment,
    Support<T> support,
    boolean secret,
    String description) {

  public SettingKey {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(defaultText, "defaultText");
    Objects.requireNonNull(environment, "environment");
    Objects.requireNonNull(support, "support");
    Objects.requireNonNull(description, "description");
  }

  /** A supported key without a default, settable from the environment as {@code TS_<NAME>}. */
  static <T> SettingKey<T> of(String name, SettingType<T> type, String description) {
    String upper = name.toUpperCase(Locale.ROOT);
    String variable = upper.startsWith("TS_") ? upper : "TS_" + upper;
    return new SettingKey<>(
        name,
        type,
        Optional.empty(),
        new EnvironmentForm(variable, EnvironmentForm.Gate.WHEN_ENABLED),
        Support.present(),
        false,
        description);
  }

  SettingKey<T> withDefault(String text) {
    return new SettingKey<>(
        name, type, Optional.of(text), environment, support, secret, description);
  }

  /** Not settable from the environment. */
  SettingKey<T> fileOnly() {
    return withEnvironment(environment.variable(), EnvironmentForm.Gate.NEVER);
  }

  SettingKey<T> withEnvironment(String variable, EnvironmentForm.Gate gate) {
    return new SettingKey<>(
        name, type, defaultText, new EnvironmentForm(variable, gate), support, secret, description);
  }

  /**
   * Belongs to a feature that this server does not have; {@code asks} tells values that want it.
   */
  SettingKey<T> notSupported(String feature, Predicate<T> asks) {
    return withSupport(new Support<>(Support.Level.NOT_SUPPORTED, feature, asks));
  }

  /** As {@link #notSupported(String, Predicate)}, whatever the value is. */
  SettingKey<T> notSupported(String feature) {
    return notSupported(feature, value -> true);
  }

  /** Accepted for old files, and rightly without effect. */
  SettingKey<T> noEffect(String reason) {
    return withSupport(new Support<>(Support.Level.NO_EFFECT, reason, value -> true));
  }

  SettingKey<T> hidden() {
    return new SettingKey<>(name, type, defaultText, environment, support, true, description);
  }

  private SettingKey<T> withSupport(Support<T> level) {
    return new SettingKey<>(name, type, defaultText, environment, level, secret, description);
  }

  /** {@code text} as it may be shown to people. */
  String shown(String text) {
    return secret ? "********" : text;
  }

  /**
   * The environment variable of a key.
   *
   * @param variable its name
   */
  public record EnvironmentForm(String variable, Gate gate) {
    /** When the variable is looked at. */
    public enum Gate {
      /** Never: the key belongs in the file. */
      NEVER,
      /** Only with {@code enable_envvars_config=true} in the file. */
      WHEN_ENABLED,
      /** As {@link #WHEN_ENABLED}, and with {@code use_env_allowed_urls=true} in the file too. */
      WHEN_URLS_ENABLED,
      /** Unless the command line says something. */
      WITHOUT_OPTION,
      ALWAYS
    }
  }

  /**
   * How far this server goes with a key.
   *
   * @param note what is not there with what replaces it, or why there is no effect
   * @param asks whether a value asks for what is not there
   */
  public record Support<T>(Level level, String note, Predicate<T> asks) {
    /** The three answers. */
    public enum Level {
      PRESENT,
      NOT_SUPPORTED,
      NO_EFFECT
    }

    static <T> Support<T> present() {
      return new Support<>(Level.PRESENT, "", value -> false);
    }
  }
}
