package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.tsnext.archive.ModelConfig.Warmup;

/** Reads the inputs that run through the handler before a worker is ready. */
final class WarmupReader {

  private static final int MAX_ENTRIES = 32;
  private static final int MAX_REPEAT = 100;
  private static final int MAX_SIZES = 16;
  private static final int MAX_BATCH_SIZE = 4096;
  private static final int MAX_TEXT = 256;

  private static final List<String> KEYS =
      List.of("file", "body", "contentType", "route", "repeat", "batchSizes");
  private static final String LIST = "a list of names of files, or of maps with file or body";
  private static final String SIZES =
      "a list of 1 to " + MAX_SIZES + " whole numbers from 1 to " + MAX_BATCH_SIZE;
  private static final Pattern TYPE = Pattern.compile("[!-.0-~]++/[!-:<-~]++(?:;[ -~]*+)?+");
  private static final Pattern ROUTE = Pattern.compile("/?+[!-~]++");
  private static final Pattern DRIVE = Pattern.compile("[A-Za-z]:.*+", Pattern.DOTALL);

  private WarmupReader() {}

  /** The inputs; none if the key is no list, which handlers of 0.12 may have for themselves. */
  static Warmup read(YamlValues values, String key) throws ArchiveException {
    Object value = values.value(key);
    if (value == null) {
      return Warmup.NONE;
    }
    if (!(value instanceof List<?> list)) {
      if (value instanceof Map<?, ?> map && (map.containsKey("file") || map.containsKey("body"))) {
        throw values.refuse(key, value, LIST);
      }
      values.leaveToHandler(key, LIST);
      return Warmup.NONE;
    }
    if (list.size() > MAX_ENTRIES) {
      throw values.refuse(key, value, "a list of at most " + MAX_ENTRIES + " files or maps");
    }
    List<String> files = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      String place = key + "[" + i + "]";
      if (list.get(i) instanceof String file) {
        files.add(fileName(values, place, file));
      } else if (list.get(i) instanceof Map<?, ?> map) {
        readEntry(values, place, map, files);
      } else {
        throw values.refuse(place, list.get(i), "the name of a file, or a map with file or body");
      }
    }
    return new Warmup(list.size(), files);
  }

  private static void readEntry(YamlValues values, String place, Map<?, ?> map, List<String> files)
      throws ArchiveException {
    YamlValues entry = values.element(place, map);
    for (String name : entry.keys()) {
      if (!KEYS.contains(name)) {
        throw entry.refuse(name, entry.value(name), "only the keys " + String.join(", ", KEYS));
      }
    }
    if (entry.has("file") == entry.has("body")) {
      throw values.refuse(place, map, "a map with file or body, and only one of them");
    }
    if (entry.has("file")) {
      files.add(fileName(entry, "file", entry.value("file")));
    }
    checkText(entry, "contentType", TYPE, "image/png");
    checkText(entry, "route", ROUTE, "/v1/chat/completions");
    entry.bounded("repeat", 1, MAX_REPEAT, 1);
    checkSizes(entry);
  }

  private static String fileName(YamlValues values, String key, Object value)
      throws ArchiveException {
    if (value instanceof String name && staysInside(name)) {
      return name;
    }
    throw values.refuse(key, value, "the name of a file in the model's folder");
  }

  private static boolean staysInside(String name) {
    return !name.isBlank()
        && name.indexOf('\\') < 0
        && name.chars().noneMatch(Character::isISOControl)
        && !name.startsWith("/")
        && !DRIVE.matcher(name).matches()
        && !List.of(name.split("/", -1)).contains("..");
  }

  private static void checkText(YamlValues entry, String key, Pattern pattern, String example)
      throws ArchiveException {
    Object value = entry.value(key);
    boolean fits =
        value == null
            || (value instanceof String text
                && text.length() <= MAX_TEXT
                && pattern.matcher(text).matches());
    if (!fits) {
      throw entry.refuse(
          key, value, "a text of at most " + MAX_TEXT + " characters, such as " + example);
    }
  }

  private static void checkSizes(YamlValues entry) throws ArchiveException {
    Object value = entry.value("batchSizes");
    if (value == null) {
      return;
    }
    if (!(value instanceof List<?> list) || list.isEmpty() || list.size() > MAX_SIZES) {
      throw entry.refuse("batchSizes", value, SIZES);
    }
    for (Object size : list) {
      if (!(size instanceof Integer number && number >= 1 && number <= MAX_BATCH_SIZE)) {
        throw entry.refuse("batchSizes", size, SIZES);
      }
    }
  }
}
