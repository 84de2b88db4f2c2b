package org.tsnext.archive;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Typed values of a YAML map. Each refusal names the file, the key, the value and the want. Numbers
 * that TorchServe 0.12 took although they are too small are no refusal but a correction.
 */
final class YamlValues {

  private static final int MAX_LIST = 4096;
  private static final int MAX_MODULES = 1000;

  /** Dotted identifiers; without a choice of ways to match, so that it takes linear time. */
  private static final Pattern MODULE =
      Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*+(?:\\.[\\p{L}_][\\p{L}\\p{N}_]*+)*+");

  private final String file;
  private final String prefix;
  private final Map<?, ?> values;
  private final List<String> corrections;

  /**
   * @param file what messages call the file
   * @param prefix of keys in messages: empty, or the section's name and a dot
   * @param corrections gets a sentence for each value that is not taken as it stands
   */
  YamlValues(String file, String prefix, Map<?, ?> values, List<String> corrections) {
    this.file = file;
    this.prefix = prefix;
    this.values = values;
    this.corrections = corrections;
  }

  /** The value as YAML has it, or null. */
  Object value(String key) {
    return values.get(key);
  }

  boolean has(String key) {
    return values.get(key) != null;
  }

  /** A whole number of at least {@code min}. */
  int integer(String key, int min, int absent) throws ArchiveException {
    Object value = values.get(key);
    return value == null ? absent : integer(key, value, min);
  }

  /** A whole number from {@code min} to {@code max}. */
  int bounded(String key, int min, int max, int absent) throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof Integer number && number >= min && number <= max) {
      return number;
    }
    throw refuse(
        key,
        value,
        "a whole number from "
            + min
            + " to "
            + max
            + (value instanceof Integer ? "" : ", not quoted"));
  }

  /** A whole number; {@code min} in place of a smaller one. */
  OptionalInt raised(String key, int min) throws ArchiveException {
    return corrected(key, min, OptionalInt.of(min), min + " is taken");
  }

  /** A whole number; none in place of one below {@code min}. */
  OptionalInt orUnset(String key, int min) throws ArchiveException {
    return corrected(key, min, OptionalInt.empty(), "it is ignored");
  }

  Optional<Duration> millis(String key, int min) throws ArchiveException {
    OptionalInt value = orUnset(key, min);
    return value.isPresent() ? Optional.of(Duration.ofMillis(value.getAsInt())) : Optional.empty();
  }

  /** A length of time, or empty for the word that may stand for it. */
  Optional<Duration> millisOr(String word, String key, int min) throws ArchiveException {
    if (isWord(key, word)) {
      return Optional.empty();
    }
    if (values.get(key) instanceof String text) {
      throw refuse(key, text, wholeNumber(min) + ", or " + word);
    }
    return millis(key, min);
  }

  Optional<Duration> seconds(String key, int min) throws ArchiveException {
    OptionalInt value = orUnset(key, min);
    return value.isPresent() ? Optional.of(Duration.ofSeconds(value.getAsInt())) : Optional.empty();
  }

  boolean flag(String key, boolean absent) throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw refuse(key, value, "true or false");
  }

  /** Whether the value is that word, in any case. */
  boolean isWord(String key, String word) {
    return values.get(key) instanceof String text && text.equalsIgnoreCase(word);
  }

  /** One of the keys of {@code words}, in any case. */
  <T> Optional<T> word(String key, Map<String, T> words) throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof String text && words.containsKey(text.toLowerCase(Locale.ROOT))) {
      return Optional.of(words.get(text.toLowerCase(Locale.ROOT)));
    }
    throw refuse(key, value, "one of " + String.join(", ", words.keySet()));
  }

  /** The same, but another word is none. */
  <T> Optional<T> wordOrUnset(String key, Map<String, T> words) throws ArchiveException {
    if (values.get(key) instanceof String text
        && !words.containsKey(text.toLowerCase(Locale.ROOT))) {
      correct(
          key, "'" + text + "'", "one of " + String.join(", ", words.keySet()), "it is ignored");
      return Optional.empty();
    }
    return word(key, words);
  }

  /** A list of whole numbers; none if one of them is below zero. */
  List<Integer> integers(String key) throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list) || list.size() > MAX_LIST) {
      throw refuse(key, value, "a list of whole numbers");
    }
    List<Integer> numbers = new ArrayList<>();
    for (Object element : list) {
      if (element instanceof Integer number && number < 0) {
        correct(key, String.valueOf(number), "0 or more", "the whole list is ignored");
        return List.of();
      }
      numbers.add(integer(key, element, 0));
    }
    return numbers;
  }

  /**
   * A list of names of Python modules.
   *
   * @param auto the word for an absent value
   * @param off the word for an empty list
   */
  Optional<List<String>> modulesOr(String auto, String off, String key) throws ArchiveException {
    Object value = values.get(key);
    // YAML reads the word off as false.
    if (value == null || isWord(key, auto)) {
      return Optional.empty();
    }
    if (isWord(key, off) || Boolean.FALSE.equals(value)) {
      return Optional.of(List.of());
    }
    String expected = auto + ", " + off + " or a list of names of Python modules";
    if (!(value instanceof List<?> list)) {
      throw refuse(key, value, expected);
    }
    if (list.size() > MAX_MODULES) {
      throw refuse(key, value, "at most " + MAX_MODULES + " names of Python modules");
    }
    List<String> names = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof String name && MODULE.matcher(name).matches())) {
        throw refuse(key, element, "in its list names of Python modules, such as torchvision.ops");
      }
      names.add(name);
    }
    return Optional.of(names);
  }

  /** Its keys, in the order of the file. */
  List<String> keys() {
    return values.keySet().stream().map(String::valueOf).toList();
  }

  /** Says that a key is passed over. */
  void noEffect(String key, String reason) {
    corrections.add(
        "%s: %s%s has no effect, since %s".formatted(file, prefix, PrintableText.of(key), reason));
  }

  YamlValues section(String key) throws ArchiveException {
    if (values.get(key) instanceof Map<?, ?> section) {
      return new YamlValues(file, prefix + key + ".", section, corrections);
    }
    throw refuse(key, values.get(key), "a map");
  }

  /** The values of a map that stands in a list, at {@code place}, such as {@code inputs[0]}. */
  YamlValues element(String place, Map<?, ?> map) {
    return new YamlValues(file, prefix + place + ".", map, corrections);
  }

  /** Says that a value is none for the server, and that its handler may know it. */
  void leaveToHandler(String key, String expected) {
    correct(key, shown(values.get(key)), expected, "it is left to the handler");
  }

  ArchiveException refuse(String key, Object value, String expected) {
    return new ArchiveException(
        Reason.INVALID,
        "%s: %s%s is %s, expected %s"
            .formatted(
                file, prefix, PrintableText.of(key), PrintableText.of(shown(value)), expected));
  }

  private static String shown(Object value) {
    if (value instanceof Map || value instanceof List) {
      // Aliases may make a small file print without end.
      return value instanceof Map ? "a map" : "a list";
    }
    return value instanceof String ? "'" + value + "'" : String.valueOf(value);
  }

  private OptionalInt corrected(String key, int min, OptionalInt instead, String outcome)
      throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return OptionalInt.empty();
    }
    if (value instanceof Integer number && number < min) {
      correct(key, String.valueOf(number), min + " or more", outcome);
      return instead;
    }
    return OptionalInt.of(integer(key, value, min));
  }

  private void correct(String key, String shown, String expected, String outcome) {
    corrections.add(
        "%s: %s%s is %s, expected %s; %s"
            .formatted(file, prefix, key, PrintableText.of(shown), expected, outcome));
  }

  private int integer(String key, Object value, int min) throws ArchiveException {
    if (value instanceof Integer number && number >= min) {
      return number;
    }
    throw refuse(key, value, wholeNumber(min));
  }

  private static String wholeNumber(int min) {
    return "a whole number from " + min + " to " + Integer.MAX_VALUE + ", not quoted";
  }
}
