package org.tsnext.http.routing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.tsnext.archive.Spelling;

/**
 * A path pattern: {@code /models/{model}/{version}}. A segment is a literal, a parameter, a
 * parameter with a literal suffix ({@code {model}:predict}), or, as the last one, {@code {name...}}
 * for whatever follows, which may be nothing. Parameters never match an empty segment. A literal is
 * matched exactly, unless it starts with {@code ~}: then in any letter case.
 */
public final class PathTemplate implements Comparable<PathTemplate> {

  /** Letters that a typing error may change. */
  static final int MAX_DIFFERENCE = 3;

  private static final int FAR = 1000;

  private final String text;
  private final List<Segment> segments;
  private final Optional<String> tail;

  private PathTemplate(String text, List<Segment> segments, Optional<String> tail) {
    this.text = text;
    this.segments = segments;
    this.tail = tail;
  }

  public static PathTemplate of(String text) {
    List<Segment> segments = new ArrayList<>();
    Optional<String> tail = Optional.empty();
    for (String part : text.substring(1).split("/", -1)) {
      if (part.endsWith("...}")) {
        tail = Optional.of(part.substring(1, part.length() - "...}".length()));
      } else if (!part.isEmpty()) {
        segments.add(Segment.of(part));
      }
    }
    return new PathTemplate(text, List.copyOf(segments), tail);
  }

  /**
   * The parameters of a path that matches, or null. Null because this is asked for each request.
   */
  Map<String, String> match(List<String> path) {
    int size = segments.size();
    if (path.size() < size || (path.size() > size && tail.isEmpty())) {
      return null;
    }
    for (int i = 0; i < size; i++) {
      if (!segments.get(i).matches(path.get(i))) {
        return null;
      }
    }
    Map<String, String> parameters = new LinkedHashMap<>(4);
    for (int i = 0; i < size; i++) {
      segments.get(i).collect(path.get(i), parameters);
    }
    tail.ifPresent(name -> parameters.put(name, String.join("/", path.subList(size, path.size()))));
    return parameters;
  }

  /**
   * How far a path that does not match is from one that does: letters of literals to change. The
   * path may lack a parameter at the end, which counts as one. Above {@link #MAX_DIFFERENCE} it was
   * meant for something else.
   */
  int difference(List<String> path) {
    int missing = segments.size() - path.size();
    if ((missing < 0 && tail.isEmpty()) || missing > 1 || path.isEmpty()) {
      return FAR;
    }
    if (missing == 1 && segments.get(path.size()).name().isEmpty()) {
      return FAR;
    }
    int sum = Math.max(0, missing);
    int literals = 0;
    for (int i = 0; i < Math.min(path.size(), segments.size()); i++) {
      int difference = segments.get(i).difference(path.get(i));
      sum = Math.min(FAR, sum + difference);
      literals += segments.get(i).name().isEmpty() ? 1 : 0;
    }
    return literals == 0 ? FAR : sum;
  }

  /** The template as written in API descriptions, without a tail. */
  public String documented() {
    return "/" + segments.stream().map(Segment::toString).collect(Collectors.joining("/"));
  }

  /** Names of the parameters, without a tail. */
  public List<String> parameterNames() {
    return segments.stream().map(Segment::name).filter(name -> !name.isEmpty()).toList();
  }

  /** More literal templates come first, compared from left to right. */
  @Override
  public int compareTo(PathTemplate other) {
    int common = Math.min(segments.size(), other.segments.size());
    for (int i = 0; i < common; i++) {
      int order = segments.get(i).rank() - other.segments.get(i).rank();
      if (order != 0) {
        return order;
      }
    }
    int bySize = other.segments.size() - segments.size();
    return bySize != 0 ? bySize : text.compareTo(other.text);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PathTemplate template && template.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }

  /**
   * @param name of the parameter, empty for a literal
   * @param literal the literal, or what must follow the parameter's value
   * @param anyCase whether a literal matches in any letter case
   */
  private record Segment(String name, String literal, boolean anyCase) {

    static Segment of(String text) {
      if (text.startsWith("~")) {
        return new Segment("", text.substring(1), true);
      }
      int close = text.indexOf('}');
      return text.startsWith("{")
          ? new Segment(text.substring(1, close), text.substring(close + 1), false)
          : new Segment("", text, false);
    }

    boolean matches(String value) {
      if (name.isEmpty()) {
        return anyCase ? value.equalsIgnoreCase(literal) : value.equals(literal);
      }
      return value.length() > literal.length() && value.endsWith(literal);
    }

    /** Letters to change so that it matches. */
    int difference(String value) {
      if (matches(value)) {
        return 0;
      }
      int letters = name.isEmpty() ? Spelling.distance(value, literal) : FAR;
      return letters * 3 <= literal.length() ? Math.max(1, letters) : FAR;
    }

    void collect(String value, Map<String, String> parameters) {
      if (!name.isEmpty()) {
        parameters.put(name, value.substring(0, value.length() - literal.length()));
      }
    }

    int rank() {
      return name.isEmpty() ? 0 : literal.isEmpty() ? 2 : 1;
    }

    @Override
    public String toString() {
      return name.isEmpty() ? literal : "{" + name + "}" + literal;
    }
  }
}
