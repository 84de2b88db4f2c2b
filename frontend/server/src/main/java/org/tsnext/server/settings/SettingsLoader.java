package org.tsnext.server.settings;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tsnext.archive.Spelling;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
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
  private final List<SettingProblem> problems = new ArrayList<>();
  private final List<Remark> remarks = new ArrayList<>();
  private final Set<String> secretVariables = new HashSet<>();
  private Compatibility compatibility = Compatibility.NEXT;

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
    this.file = parted.map(lines -> file.get().withValues(lines.values()));
    parted.map(JoinedLines::remarks).ifPresent(remarks::addAll);
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
    Inspection inspection = inspect(file, commandLine, environment);
    if (!inspection.problems().isEmpty()) {
      throw new InvalidSettingsException(
          inspection.problems().stream().map(SettingProblem::text).toList());
    }
    return inspection.settings();
  }

  /**
   * What became of what was given.
   *
   * @param settings with the default wherever a value is a problem
   */
  public record Inspection(Settings settings, List<SettingProblem> problems) {
    public Inspection {
      problems = List.copyOf(problems);
    }
  }

  /** As {@link #load}, and goes on where there are problems, for those who look at the rest too. */
  public static Inspection inspect(
      Optional<ConfigFile> file, Map<String, Given> commandLine, Map<String, String> environment) {
    return new SettingsLoader(file, commandLine, environment).inspect();
  }

  private Inspection inspect() {
    Map<String, Setting> values = new HashMap<>();
    compatibility = compatibility();
    boolean variables = switchedOn(ServerKeys.ENABLE_ENVVARS_CONFIG);
    boolean urls = variables && switchedOn(SourceKeys.USE_ENV_ALLOWED_URLS);
    for (SettingKey<?> key : SettingTable.keys()) {
      values.put(key.name(), resolve(key, variables, urls));
    }
    file.ifPresent(this::warnOfUnknownKeys);
    file.ifPresent(this::warnOfPython);
    Settings settings = new Settings(values, file, remarks, secretVariables, kserve(values));
    // What settings have to be together says nothing where one of them is not known.
    boolean listeners = problems.stream().noneMatch(SettingsLoader::concernsListeners);
    for (SettingProblem problem : SettingChecks.check(settings)) {
      if (listeners || !concernsListeners(problem)) {
        problems.add(problem);
      }
    }
    return new Inspection(settings, problems);
  }

  private static boolean concernsListeners(SettingProblem problem) {
    return SettingTable.LISTENERS.stream()
        .flatMap(section -> section.keys().stream())
        .anyMatch(key -> key.name().equals(problem.key()));
  }

  /** First, since the defaults of others depend on it. */
  private Compatibility compatibility() {
    SettingKey<Compatibility> key = ServerKeys.COMPATIBILITY;
    String text = find(key, false, false).map(Found::text).filter(t -> !t.isEmpty()).orElse("");
    try {
      return text.isEmpty() ? Compatibility.NEXT : key.type().parse(substitute(text));
    } catch (SettingType.InvalidValueException e) {
      return Compatibility.NEXT; // a problem that is told when the key itself is read
    }
  }

  private KServe kserve(Map<String, Setting> values) {
    Setting mode = values.get(KServe.KEY.name());
    Object store = values.get(ModelKeys.MODEL_STORE.name()).value();
    return KServe.of(
        mode.value() instanceof String text ? text : "false",
        mode.source(),
        Optional.ofNullable((Path) store),
        environment);
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
    String original = compatibility.defaults().get(key.name());
    Optional<String> fallback = Optional.ofNullable(original).or(key::defaultText);
    // An empty value is how a stronger source takes a weaker one's value back.
    String text = found.map(Found::text).filter(t -> !t.isEmpty()).or(() -> fallback).orElse("");
    Source source =
        found
            .map(Found::source)
            .orElse(original == null ? Source.DEFAULT : Source.of(compatibility));
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
      return unreadable(key, source, fallback, problem(key, text, source, e.getMessage()));
    }
  }

  /** The value in place of one that cannot be read. */
  private <T> Setting unreadable(
      SettingKey<T> key, Source source, Optional<String> fallback, SettingProblem problem) {
    Optional<T> original =
        compatibility.isOriginal(Deviation.BOOLEAN_SETTINGS)
            ? key.type().original()
            : Optional.empty();
    if (original.isEmpty()) {
      problems.add(problem);
      return ofDefault(key, fallback.orElse(""));
    }
    remarks.add(
        new Remark(
            Remark.Kind.ODD_BOOLEAN,
            key.name(),
            problem.text() + "; it is taken for " + original.get() + ", as TorchServe 0.12 did."));
    return new Setting(String.valueOf(original.get()), original.get(), source);
  }

  private static <T> Setting ofDefault(SettingKey<T> key, String text) {
    try {
      return new Setting(text, text.isEmpty() ? null : key.type().parse(text), Source.DEFAULT);
    } catch (SettingType.InvalidValueException e) {
      throw new IllegalStateException("the default of " + key.name(), e);
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
        remarks.add(
            new Remark(
                Remark.Kind.OPTION_WINS,
                form.variable(),
                form.variable() + " is ignored: " + given.option() + " is given."));
      } else if (variables) {
        remarks.add(
            new Remark(
                Remark.Kind.VARIABLE_IGNORED,
                form.variable(),
                form.variable()
                    + " is ignored: "
                    + key.name()
                    + " must be set in the settings file."));
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
    if (support.level() == Support.Level.NOT_SUPPORTED && support.asks().test(value)) {
      remarks.add(
          new Remark(
              Remark.Kind.NOT_SUPPORTED,
              key.name(),
              setting + " has no effect: " + support.note() + "."));
    }
    if (support.level() == Support.Level.NO_EFFECT) {
      remarks.add(
          new Remark(
              Remark.Kind.NO_EFFECT,
              key.name(),
              setting + " has no effect: " + support.note() + "."));
    }
  }

  /** The command says with its own interpreter where workers find the package. */
  private void warnOfPython(ConfigFile configFile) {
    String named = configFile.values().getOrDefault(ServerKeys.PYTHON.name(), "");
    Given given = commandLine.get(ServerKeys.PYTHON.name());
    if (given != null && !named.isEmpty() && !named.equals(given.value())) {
      remarks.add(
          new Remark(
              Remark.Kind.INTERPRETER_NOT_USED,
              ServerKeys.PYTHON.name(),
              "python = %s (file %s) is not used: workers run on the Python of the torchserve command, %s. For another one use its torchserve, or useVenv in model-config.yaml."
                  .formatted(named, configFile.path(), given.value())));
    }
  }

  private void warnOfUnknownKeys(ConfigFile configFile) {
    List<String> known = SettingTable.keys().stream().map(SettingKey::name).toList();
    for (String name : configFile.values().keySet().stream().sorted().toList()) {
      if (!known.contains(name)) {
        String hint =
            Spelling.nearest(name, known).map(near -> " Did you mean " + near + "?").orElse("");
        remarks.add(
            new Remark(
                Remark.Kind.UNKNOWN_KEY,
                name,
                "Unknown setting " + name + " in " + configFile.path() + " is ignored." + hint));
      }
    }
  }

  /** The one form of complaint about a value. */
  static SettingProblem problem(SettingKey<?> key, String text, Source source, String expected) {
    String shown = key.shown(text);
    if (shown.length() > MAX_SHOWN) {
      shown = shown.substring(0, MAX_SHOWN) + "...";
    }
    return new SettingProblem(
        key.name(),
        "Invalid configuration: %s = %s (%s): %s".formatted(key.name(), shown, source, expected));
  }
}
