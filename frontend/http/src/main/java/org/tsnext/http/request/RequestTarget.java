package org.tsnext.http.request;

import java.util.ArrayList;
import java.util.List;

/**
 * The target of a request line, taken apart.
 *
 * @param segments of the path, decoded before it was split; trailing slashes are ignored, empty
 *     segments in the middle count
 * @param asterisk whether it was {@code *}
 */
public record RequestTarget(List<String> segments, QueryParameters query, boolean asterisk) {

  /**
   * Reads origin form, absolute form and {@code *}.
   *
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST for anything else
   */
  public static RequestTarget parse(String raw) {
    if (raw.equals("*")) {
      return new RequestTarget(List.of(), QueryParameters.parse(""), true);
    }
    String origin = originForm(raw);
    int fragment = origin.indexOf('#');
    String whole = fragment < 0 ? origin : origin.substring(0, fragment);
    int mark = whole.indexOf('?');
    String path = mark < 0 ? whole : whole.substring(0, mark);
    String query = mark < 0 ? "" : whole.substring(mark + 1);
    return new RequestTarget(
        split(PercentDecoder.decode(path, false)), QueryParameters.parse(query), false);
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
    int path = authority;
    while (path < raw.length() && "/?#".indexOf(raw.charAt(path)) < 0) {
      path++;
    }
    if (path == authority || !Authority.isValid(raw.substring(authority, path))) {
      throw MalformedRequest.because("Invalid request target, expected http://host[:port]/path.");
    }
    String rest = raw.substring(path);
    return rest.startsWith("/") ? rest : "/" + rest;
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
      segments.add(path.substring(start, stop));
      start = stop + 1;
    }
    return segments;
  }
}
