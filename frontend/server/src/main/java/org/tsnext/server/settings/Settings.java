package org.tsnext.server.settings;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.tsnext.compatibility.Compatibility;

/** The settings of a server: checked, immutable, and each knows where it came from. */
public final class Settings {
  /** JSON, such as that of a snapshot, may have many lines. */
  private static final Pattern LINE_END = Pattern.compile("\\s*\\R\\s*");

  private final Map<String, Setting> values;
  private final Optional<ConfigFile> file;
  private final List<Remark> remarks;
  private final Set<String> secretVariables;
  private final KServe kserve;

  Settings(
      Map<String, Setting> values,
      Optional<ConfigFile> file,
      List<Remark> remarks,
      Set<String> secretVariables,
      KServe kserve) {
    this.values = Map.copyOf(values);
    this.file = file;
    this.remarks = List.copyOf(remarks);
    this.secretVariables = Set.copyOf(secretVariables);
    this.kserve = Objects.requireNonNull(kserve, "kserve");
  }

  /** The value of a key that has a default. */
  public <T> T get(SettingKey<T> key) {
    return find(key)
        .orElseThrow(() -> new IllegalStateException(key.name() + " has no default: use find"));
  }

  /** The value of a key, if it is set or has a default. */
  public <T> Optional<T> find(SettingKey<T> key) {
    Setting setting = setting(key);
    @SuppressWarnings("unchecked") // the loader parsed it by this key's type
    T value = (T) setting.value();
    return Optional.ofNullable(value);
  }

  /** Where the value of a key comes from. */
  public Source source(SettingKey<?> key) {
    return setting(key).source();
  }

  /** Whether the key was set, rather than left at its default. */
  public boolean isSet(SettingKey<?> key) {
    Source.Kind kind = source(key).kind();
    return kind != Source.Kind.DEFAULT && kind != Source.Kind.COMPATIBILITY;
  }

  /** The file they were read from. */
  public Optional<ConfigFile> file() {
    return file;
  }

  /** What a person should or may want to know of them. */
  public List<Remark> remarks() {
    return remarks;
  }

  /** What a person should hear at start, as full sentences. */
  public List<String> warnings() {
    return remarks.stream().filter(Remark::isWarning).map(Remark::text).toList();
  }

  /** What a person may want to know: settings without effect. */
  public List<String> notes() {
    return remarks.stream().filter(remark -> !remark.isWarning()).map(Remark::text).toList();
  }

  /** Environment variables that a secret's value was put together from, by {@code $$NAME$$}. */
  public Set<String> secretVariables() {
    return secretVariables;
  }

  /** Whether KServe is served, and why. */
  public KServe kserve() {
    return kserve;
  }

  /** {@code key = value (source)} for every key, one a line, secrets hidden. */
  public String describe() {
    StringBuilder text = new StringBuilder();
    file.ifPresent(f -> text.append("# file: ").append(f.path()).append('\n'));
    for (SettingTable.Section section : SettingTable.SECTIONS) {
      text.append("\n# ").append(section.title()).append('\n');
      for (SettingKey<?> key : section.keys()) {
        Setting setting = setting(key);
        text.append(key.name()).append(" = ");
        if (!setting.text().isEmpty()) {
          String shown = key.shown(setting.text());
          text.append(LINE_END.matcher(shown).replaceAll(" ")).append(' ');
        }
        text.append('(').append(setting.source()).append(")\n");
      }
    }
    return text.toString();
  }

  private Setting setting(SettingKey<?> key) {
    return Objects.requireNonNull(values.get(key.name()), key.name());
  }

  /**
   * A value as it was found.
   *
   * @param text after substitution, empty for none
   * @param value parsed, null for none
   */
  record Setting(String text, Object value, Source source) {}

  /**
   * Where a value comes from.
   *
   * @param name the file, option or variable; empty for defaults
   */
  public record Source(Kind kind, String name) {
    /** From the weakest to the strongest. */
    public enum Kind {
      DEFAULT("default"),
      COMPATIBILITY("compatibility"),
      FILE("file"),
      COMMAND_LINE("command line"),
      ENVIRONMENT("environment");

      private final String words;

      Kind(String words) {
        this.words = words;
      }
    }

    static final Source DEFAULT = new Source(Kind.DEFAULT, "");

    /** The default that goes with the setting {@code compatibility}. */
    static Source of(Compatibility compatibility) {
      return new Source(Kind.COMPATIBILITY, compatibility.setting());
    }

    @Override
    public String toString() {
      return name.isEmpty() ? kind.words : kind.words + " " + name;
    }
  }
}
