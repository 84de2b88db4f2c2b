package org.tsnext.http.request;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One of the values of a header such as {@code Accept} or {@code Accept-Encoding} (RFC 9110), in
 * lower case.
 *
 * @param value such as {@code text/html}; empty if there is none
 * @param parameters such as {@code version=1.0.0}
 */
public record WeightedValue(String value, List<String> parameters) {

  private static final Pattern WEIGHT = Pattern.compile("0(\\.[0-9]{0,3})?|1(\\.0{0,3})?");

  public WeightedValue {
    parameters = List.copyOf(parameters);
  }

  /** The values of all lines of a header, in order. */
  public static List<WeightedValue> all(List<String> lines) {
    List<WeightedValue> all = new ArrayList<>();
    for (String line : lines) {
      for (String text : line.toLowerCase(Locale.ROOT).split(",", -1)) {
        all.add(of(text.split(";", -1)));
      }
    }
    return all;
  }

  private static WeightedValue of(String[] parts) {
    List<String> parameters = new ArrayList<>(parts.length - 1);
    for (int i = 1; i < parts.length; i++) {
      parameters.add(withoutBlanks(parts[i].strip()));
    }
    return new WeightedValue(parts[0].strip(), parameters);
  }

  /** A parameter without the blanks around its equals sign. */
  private static String withoutBlanks(String parameter) {
    int equals = parameter.indexOf('=');
    return equals < 0
        ? parameter
        : parameter.substring(0, equals).stripTrailing()
            + "="
            + parameter.substring(equals + 1).stripLeading();
  }

  /** The first parameter with a name. */
  public Optional<String> parameter(String name) {
    String start = name + "=";
    return parameters.stream()
        .filter(parameter -> parameter.startsWith(start))
        .map(parameter -> parameter.substring(start.length()))
        .findFirst();
  }

  /**
   * How much the client wants it, from 0, not at all, to 1, which counts where it says nothing.
   *
   * @param malformed counts for a weight that is none
   */
  public double weight(double malformed) {
    return parameter("q")
        .map(text -> WEIGHT.matcher(text).matches() ? Double.parseDouble(text) : malformed)
        .orElse(1.0);
  }
}
