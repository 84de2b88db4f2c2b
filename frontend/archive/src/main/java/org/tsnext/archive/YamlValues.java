package org.tsnext.archive;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ArchiveException.Reason;

/** Typed values of a YAML map. Each refusal names the file, the key, the value and the want. */
final class YamlValues {

  private static final int MAX_LIST = 4096;

  private final String file;
  private final String prefix;
  private final Map<?, ?> values;

  /**
   * @param file what messages call the file
   * @param prefix of keys in messages: empty, or the section's name and a dot
   */
  YamlValues(String file, String prefix, Map<?, ?> values) {
    this.file = file;
    this.prefix = prefix;
    this.values = values;
  }

  boolean has(String key) {
    return values.get(key) != null;
  }

  /** A whole number of at least {@code min}. */
  OptionalInt integer(String key, int min) throws ArchiveException {
    Object value = values.get(key);
    if (value == null) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(integer(key, value, min));
  }

  int integer(String key, int min, int absent) throws ArchiveException {
    return integer(key, min).orElse(absent);
  }

  Optional<Duration> millis(String key, int min) throws ArchiveException {
    OptionalInt value = integer(key, min);
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
    OptionalInt value = integer(key, min);
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

  /** A list of whole numbers, none below zero. */
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
      numbers.add(integer(key, element, 0));
    }
    return numbers;
  }

  YamlValues section(String key) throws ArchiveException {
    if (values.get(key) instanceof Map<?, ?> section) {
      return new YamlValues(file, prefix + key + ".", section);
    }
    throw refuse(key, values.get(key), "a map");
  }

  ArchiveException refuse(String key, Object value, String expected) {
    String shown = value instanceof String ? "'" + value + "'" : String.valueOf(value);
    if (value instanceof Map || value instanceof List) {
      // Aliases may make a small file print without end.
      shown = value instanceof Map ? "a map" : "a list";
    }
    return new ArchiveException(
        Reason.INVALID,
        file + ": " + prefix + key + " is " + PrintableText.of(shown) + ", expected " + expected);
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
