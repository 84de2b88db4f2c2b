package org.tsnext.http.request;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ServingException;

/**
 * The target of a request line, taken apart.
 *
 * @param segments of the path, each decoded by itself: {@code %2F} parts nothing. Trailing slashes
 *     are ignored, empty segments in the middle count
 * @param asterisk whether it was {@code *}
 */
public record RequestTarget(List<String> segments, QueryParameters query, boolean asterisk) {

  /**
   * Reads origin form, absolute form and {@code *}.
   *
   * @throws ServingException BAD_REQUEST for anything else
   */
  public static RequestTarget parse(String raw) {
    if (raw.equals("*")) {
      return new RequestTarget(List.of(), QueryParameters.parse(""), true);
    }
    String origin = originForm(raw);
    String whole = origin.substring(0, firstOf("#", origin, 0));
    int end = firstOf("?", whole, 0);
    String query = end == whole.length() ? "" : whole.substring(end + 1);
    return new RequestTarget(split(whole.substring(0, end)), QueryParameters.parse(query), false);
  }

  /**
   * The authority of a target in absolute form, which counts instead of the {@code Host} header
   * (RFC 9112, 3.2.2); empty for other targets and if it is none.
   */
  public static Optional<String> authority(String raw) {
    int start = schemeLength(raw);
    return start == 0
        ? Optional.empty()
        : Optional.of(raw.substring(start, endOfAuthority(raw, start))).filter(Authority::isValid);
  }

  /**
   * The path of a target in any form, decoded, without its query; as much of that as can be read.
   */
  public static String path(String raw) {
    String path = raw;
    try {
      String origin = originForm(raw);
      path = origin.substring(0, firstOf("?#", origin, 0));
      return "/" + String.join("/", split(path));
    } catch (ServingException e) {
      return path;
    }
  }

  /** Whether a {@link #path} is {@code root} or something below it. */
  public static boolean isUnder(String root, String path) {
    return path.startsWith(root)
        && (path.length() == root.length() || path.charAt(root.length()) == '/');
  }

  private static String originForm(String raw) {
    if (raw.startsWith("/")) {
      return raw;
    }
    int authority = schemeLength(raw);
    if (authority == 0) {
      throw MalformedRequest.because(
          "Invalid request target, expected a path that starts with '/'.");
    }
    int path = endOfAuthority(raw, authority);
    if (path == authority || !Authority.isValid(raw.substring(authority, path))) {
      throw MalformedRequest.because("Invalid request target, expected http://host[:port]/path.");
    }
    String rest = raw.substring(path);
    return rest.startsWith("/") ? rest : "/" + rest;
  }

  private static int endOfAuthority(String raw, int start) {
    return firstOf("/?#", raw, start);
  }

  private static int firstOf(String ends, String raw, int start) {
    int end = start;
    while (end < raw.length() && ends.indexOf(raw.charAt(end)) < 0) {
      end++;
    }
    return end;
  }

  private static int schemeLength(String raw) {
    for (String scheme : List.of("http://", "https://")) {
      if (raw.regionMatches(true, 0, scheme, 0, scheme.length())) {
        return scheme.length();
      }
    }
    return 0;
  }

  private static List<String> split(String path) {
    int end = path.length();
    while (end > 0 && path.charAt(end - 1) == '/') {
      end--;
    }
    List<String> segments = new ArrayList<>(5);
    int start = 1;
    while (start <= end) {
      int slash = path.indexOf('/', start);
      int stop = slash < 0 || slash > end ? end : slash;
      segments.add(PercentDecoder.decode(path.substring(start, stop), false));
      start = stop + 1;
    }
    return segments;
  }
}
