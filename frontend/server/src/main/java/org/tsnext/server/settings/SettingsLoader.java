package org.tsnext.server.settings;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tsnext.server.settings.SettingKey.EnvironmentForm;
import org.tsnext.server.settings.SettingKey.Support;
import org.tsnext.server.settings.Settings.Setting;
import org.tsnext.server.settings.Settings.Source;

/**
 * Makes {@link Settings} of what was given: environment over command line over file over default.
 * Every known key is checked, and all problems are told together.
 */
public final class SettingsLoader {
  private static final Pattern REFERENCE = Pattern.compile("\\$\\$([A-Za-z_][A-Za-z0-9_]*)\\$\\$");

  /** How much of a value, such as a long JSON text, a complaint repeats. */
  private static final int MAX_SHOWN = 300;

  private final Optional<ConfigFile> file;
  private final Map<String, Given> commandLine;
  private final Map<String, String> environment;
  private final List<String> problems = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final Set<String> secretVariables = new HashSet<>();

  /**
   * A value from the command line.
   *
   * @param option the option as users know it, such as {@code --model-store}
   */
  public record Given(String option, String value) {}

  /** A text and where it was found. */
  private record Found(String text, Source source) {}

  private SettingsLoader(
      Optional<ConfigFile> file, Map<String, Given> commandLine, Map<String, String> environment) {
    Optional<JoinedLines> parted = file.map(JoinedLines::part);
    this.file = parted.map(lines -> new ConfigFile(file.get().path(), lines.values()));
    parted.map(JoinedLines::warnings).ifPresent(warnings::addAll);
    this.commandLine = commandLine;
    this.environment = environment;
  }

  /**
   * Loads settings.
   *
   * @param commandLine values by key name
   * @param environment the process's environment
   * @throws InvalidSettingsException with one line per problem
   */
  public static Settings load(
      Optional<ConfigFile> file, Map<String, Given> commandLine, Map<String, String> environment) {
    return new SettingsLoader(file, commandLine, environment).load();
  }

  private Settings load() {
    Map<String, Setting> values = new HashMap<>();
    boolean variables = switchedOn(ServerKeys.ENABLE_ENVVARS_CONFIG);
    boolean urls = variables && switchedOn(SourceKeys.USE_ENV_ALLOWED_URLS);
    for (SettingKey<?> key : SettingTable.keys()) {
      values.put(key.name(), resolve(key, variables, urls));
    }
    file.ifPresent(this::warnOfUnknownKeys);
    Settings settings = new Settings(values, file, warnings, notes, secretVariables);
    if (problems.isEmpty()) {
      problems.addAll(SettingChecks.check(settings));
    }
    if (!problems.isEmpty()) {
      throw new InvalidSettingsException(problems);
    }
    return settings;
  }

  /** Both switches of the environment can be set in the file only, so that it has the last word. */
  private boolean switchedOn(SettingKey<Boolean> key) {
    String text = file.map(f -> f.values().get(key.name())).orElse("");
    try {
      return substitute(text).equalsIgnoreCase("true");
    } catch (SettingType.InvalidValueException e) {
      return false; // a problem that is told when the key itself is read
    }
  }

  private <T> Setting resolve(SettingKey<T> key, boolean variables, boolean urls) {
    Optional<Found> found = find(key, variables, urls);
    Optional<String> fallback = key.defaultText();
    // An empty value is how a stronger source takes a weaker one's value back.
    String text = found.map(Found::text).filter(t -> !t.isEmpty()).or(() -> fallback).orElse("");
    Source source = found.map(Found::source).orElse(Source.DEFAULT);
    if (text.isEmpty()) {
      return new Setting(text, null, source);
    }
    try {
      String resolved = substitute(text);
      if (key.secret()) {
        REFERENCE.matcher(text).results().forEach(name -> secretVariables.add(name.group(1)));
      }
      T value = key.type().parse(resolved);
      found.ifPresent(f -> reportSupport(key, value, resolved, source));
      return new Setting(resolved, value, source);
    } catch (SettingType.InvalidValueException e) {
      problems.add(problem(key, text, source, e.getMessage()));
      return new Setting(text, null, source);
    }
  }

  private Optional<Found> find(SettingKey<?> key, boolean variables, boolean urls) {
    EnvironmentForm form = key.environment();
    String variable = environment.get(form.variable());
    Given given = commandLine.get(key.name());
    if (variable != null) {
      boolean looked =
          switch (form.gate()) {
            case ALWAYS -> true;
            case WITHOUT_OPTION -> given == null;
            case WHEN_ENABLED -> variables;
            case WHEN_URLS_ENABLED -> urls;
            case NEVER -> false;
          };
      if (looked) {
        Source source = new Source(Source.Kind.ENVIRONMENT, form.variable());
        return Optional.of(new Found(fromVariable(key, variable.strip()), source));
      }
      if (form.gate() == EnvironmentForm.Gate.WITHOUT_OPTION) {
        notes.add(form.variable() + " is ignored: " + given.option() + " is given.");
      } else if (variables) {
        warnings.add(
            form.variable() + " is ignored: " + key.name() + " must be set in the settings file.");
      }
    }
    if (given != null) {
      return Optional.of(
          new Found(given.value().strip(), new Source(Source.Kind.COMMAND_LINE, given.option())));
    }
    return file.flatMap(
        f ->
            Optional.ofNullable(f.values().get(key.name()))
                .map(text -> new Found(text, new Source(Source.Kind.FILE, f.path().toString()))));
  }

  /** {@code TS_OPEN_INFERENCE_PROTOCOL=oip} is how that one is switched on; all else is off. */
  private static String fromVariable(SettingKey<?> key, String value) {
    return key.equals(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL)
        ? String.valueOf(value.equals("oip"))
        : value;
  }

  private String substitute(String text) throws SettingType.InvalidValueException {
    Matcher matcher = REFERENCE.matcher(text);
    StringBuilder result = new StringBuilder();
    while (matcher.find()) {
      String value = environment.get(matcher.group(1));
      if (value == null) {
        throw new SettingType.InvalidValueException(
            "Invalid Environment Variable "
                + matcher.group(1)
                + ", expected one that is set for the server");
      }
      matcher.appendReplacement(result, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(result).toString().strip();
  }

  private <T> void reportSupport(SettingKey<T> key, T value, String text, Source source) {
    Support<T> support = key.support();
    String setting = "%s = %s (%s)".formatted(key.name(), key.shown(text), source);
    if (support.level() == Support.Level.NOT_YET && support.asks().test(value)) {
      warnings.add(setting + ": " + support.note() + " not supported yet in this version.");
    }
    if (support.level() == Support.Level.NO_EFFECT) {
      notes.add(setting + " has no effect: " + support.note() + ".");
    }
  }

  private void warnOfUnknownKeys(ConfigFile configFile) {
    List<String> known = SettingTable.keys().stream().map(SettingKey::name).toList();
    for (String name : configFile.values().keySet().stream().sorted().toList()) {
      if (!known.contains(name)) {
        String hint =
            Spelling.nearest(name, known).map(near -> " Did you mean " + near + "?").orElse("");
        warnings.add(
            "Unknown setting " + name + " in " + configFile.path() + " is ignored." + hint);
      }
    }
  }

  /** The one form of complaint about a value. */
  static String problem(SettingKey<?> key, String text, Source source, String expected) {
    String shown = key.shown(text);
    if (shown.length() > MAX_SHOWN) {
      shown = shown.substring(0, MAX_SHOWN) + "...";
    }
    return "Invalid configuration: %s = %s (%s): %s".formatted(key.name(), shown, source, expected);
  }
}
