package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;

/** Reads the further names of a model: one text, or a list of them. */
final class ServedNameReader {

  private static final int MAX_NAMES = 64;
  private static final int MAX_LENGTH = 256;
  private static final String EXPECTED =
      "a name or a list of at most "
          + MAX_NAMES
          + ", each of 1 to "
          + MAX_LENGTH
          + " printable characters without blanks";

  private ServedNameReader() {}

  /** The names, each once. */
  static List<String> read(YamlValues values, String key) throws ArchiveException {
    Object value = values.value(key);
    if (value == null) {
      return List.of();
    }
    List<?> elements = value instanceof List<?> list ? list : List.of(value);
    if (elements.size() > MAX_NAMES) {
      throw values.refuse(key, value, EXPECTED);
    }
    List<String> names = new ArrayList<>();
    for (Object element : elements) {
      if (!(element instanceof String name && isName(name))) {
        throw values.refuse(key, element, EXPECTED);
      }
      if (!names.contains(name)) {
        names.add(name);
      }
    }
    return names;
  }

  private static boolean isName(String text) {
    return !text.isEmpty()
        && text.length() <= MAX_LENGTH
        && text.codePoints()
            .noneMatch(
                c ->
                    Character.isWhitespace(c)
                        || Character.isSpaceChar(c)
                        || Character.isISOControl(c)
                        || Character.getType(c) == Character.SURROGATE
                        || Character.getType(c) == Character.FORMAT);
  }
}
