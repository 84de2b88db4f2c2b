package org.tsnext.server.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Settings that share one line of a file because the line break between them is missing: a program
 * added its lines to a text that did not end in one. SageMaker's toolkit writes {@code
 * enable_model_api=truedefault_response_timeout=60}. Such a line is read as the two settings that
 * it holds, but only where its value is not valid as a whole.
 *
 * @param values of the file, with the joined settings parted
 * @param remarks one for each pair
 */
record JoinedLines(Map<String, String> values, List<Remark> remarks) {

  /** The second setting of a line, and what is before it. */
  private record Split(String before, SettingKey<?> key, String text) {}

  /** Parts the joined settings of a file. */
  static JoinedLines part(ConfigFile file) {
    Map<String, String> values = new TreeMap<>(file.values());
    List<Remark> remarks = new ArrayList<>();
    for (SettingKey<?> key : SettingTable.keys()) {
      String text = file.values().getOrDefault(key.name(), "");
      if (text.isEmpty() || isValid(key, text)) {
        continue;
      }
      split(key, text)
          .ifPresent(
              found -> {
                values.put(key.name(), found.before());
                // A line of its own says it more clearly.
                values.putIfAbsent(found.key().name(), found.text());
                remarks.add(remark(file, key, found));
              });
    }
    return new JoinedLines(Map.copyOf(values), List.copyOf(remarks));
  }

  /** The split with the shortest first part: names of keys end like others. */
  private static Optional<Split> split(SettingKey<?> key, String text) {
    for (int end = 1; end < text.length(); end++) {
      String rest = text.substring(end);
      for (SettingKey<?> other : SettingTable.keys()) {
        if (rest.startsWith(other.name() + "=") && isValid(key, text.substring(0, end))) {
          String value = rest.substring(other.name().length() + 1).strip();
          return Optional.of(new Split(text.substring(0, end), other, value));
        }
      }
    }
    return Optional.empty();
  }

  private static boolean isValid(SettingKey<?> key, String text) {
    try {
      key.type().parse(text);
      return true;
    } catch (SettingType.InvalidValueException e) {
      return false;
    }
  }

  private static Remark remark(ConfigFile file, SettingKey<?> key, Split found) {
    return new Remark(
        Remark.Kind.JOINED_LINES,
        key.name(),
        "%s: a line break is missing between %s=%s and %s=%s; both are read as lines of their own."
            .formatted(
                file.path(),
                key.name(),
                key.shown(found.before()),
                found.key().name(),
                found.key().shown(found.text())));
  }
}
