package org.tsnext.archive.remote;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * A URL in its one normal form: scheme and host in lower case, no default port, no segments of one
 * dot, unreserved characters not percent-encoded. What could be read in two ways has been refused:
 * user-info, fragments, backslashes, blanks, control characters, encoded slashes, double encoding.
 *
 * @param scheme {@code http}, {@code https}, {@code s3} or {@code file}
 * @param host as {@link HostName} writes it; the bucket of {@code s3}; empty for {@code file}
 * @param port empty for the scheme's own
 * @param path begins with a slash
 * @param query with its question mark, or empty
 */
record ModelUrl(String scheme, String host, OptionalInt port, String path, String query) {

  private static final int MAX_LENGTH = 8192;
  private static final Map<String, Integer> DEFAULT_PORTS = Map.of("http", 80, "https", 443);
  private static final Pattern SPECIAL = Pattern.compile("[.+*?()|$]");
  private static final Pattern OTHER_THAN_PLAIN =
      Pattern.compile("[,\\\\]|\\[(?![.+*?()|$]])|(?<!\\[[.+*?()|$])]");
  private static final String UNRESERVED = "-._~";
  private static final String PATH_CHARACTERS = UNRESERVED + "!$&'()*+,;=:@/";
  private static final String QUERY_CHARACTERS = PATH_CHARACTERS + "?";

  /**
   * @throws UrlSyntaxException naming what is not acceptable, without the URL's text
   */
  static ModelUrl parse(String text) throws UrlSyntaxException {
    if (text.length() > MAX_LENGTH) {
      throw new UrlSyntaxException("it is longer than " + MAX_LENGTH + " characters");
    }
    int colon = text.indexOf(':');
    String scheme = text.substring(0, Math.max(colon, 0)).toLowerCase(Locale.ROOT);
    String rest = text.substring(colon + 1);
    if (rest.indexOf('#') >= 0) {
      throw new UrlSyntaxException("it has a fragment; only #sha256=<digest> may follow a URL");
    }
    switch (scheme) {
      case "http", "https", "s3" -> {
        if (!rest.startsWith("//")) {
          throw new UrlSyntaxException("two slashes are missing after its scheme");
        }
      }
      case "file" -> {
        if (!rest.startsWith("//")) {
          rest = "//" + rest;
        }
      }
      default -> throw new UrlSyntaxException("its scheme is none of file, http, https and s3");
    }
    int question = rest.indexOf('?');
    String hierarchy = question < 0 ? rest : rest.substring(0, question);
    int slash = hierarchy.indexOf('/', 2);
    String authority = hierarchy.substring(2, slash < 0 ? hierarchy.length() : slash);
    String path = normalPath(slash < 0 ? "/" : hierarchy.substring(slash));
    String query =
        question < 0 ? "" : "?" + decoded(rest.substring(question + 1), QUERY_CHARACTERS, "query");
    if (authority.indexOf('@') >= 0) {
      throw new UrlSyntaxException("it has user-info");
    }
    return switch (scheme) {
      case "file" -> file(authority, path, query);
      case "s3" -> s3(authority, path, query);
      default -> http(scheme, authority, path, query);
    };
  }

  /**
   * A regular expression of {@code allowed_urls} for what lies in the same folder, without the
   * backslashes and commas that a settings file reads otherwise.
   */
  String pattern() {
    String folder = path.substring(0, path.lastIndexOf('/') + 1);
    String start = scheme + "://" + authority() + folder;
    String escaped = SPECIAL.matcher(start).replaceAll("[$0]");
    return OTHER_THAN_PLAIN.matcher(escaped).replaceAll(".") + ".*";
  }

  /**
   * Where a redirection leads.
   *
   * @throws UrlSyntaxException as {@link #parse}
   */
  ModelUrl resolve(String location) throws UrlSyntaxException {
    int fragment = location.indexOf('#');
    String target = fragment < 0 ? location : location.substring(0, fragment);
    if (target.matches("(?s)[A-Za-z][A-Za-z0-9+.-]*:.*")) {
      return parse(target);
    }
    if (target.startsWith("//")) {
      return parse(scheme + ":" + target);
    }
    String origin = scheme + "://" + authority();
    return target.startsWith("/")
        ? parse(origin + target)
        : parse(origin + path.substring(0, path.lastIndexOf('/') + 1) + target);
  }

  /** The whole URL, its query included: may be a secret. */
  String text() {
    return scheme + "://" + authority() + path + query;
  }

  /** The URL as it may be shown. */
  String shown() {
    return scheme + "://" + authority() + path;
  }

  /** Host, and port unless it is the scheme's own. */
  String authority() {
    return port.isPresent() ? host + ":" + port.getAsInt() : host;
  }

  int effectivePort() {
    return port.orElseGet(() -> DEFAULT_PORTS.get(scheme));
  }

  private static ModelUrl http(String scheme, String authority, String path, String query)
      throws UrlSyntaxException {
    int end = authority.startsWith("[") ? authority.indexOf(']') + 1 : authority.indexOf(':');
    String host = end < 0 ? authority : authority.substring(0, end);
    String rest = authority.substring(host.length());
    OptionalInt port = OptionalInt.empty();
    if (!rest.isEmpty()) {
      port = OptionalInt.of(portOf(rest));
      if (port.getAsInt() == DEFAULT_PORTS.get(scheme)) {
        port = OptionalInt.empty();
      }
    }
    return new ModelUrl(scheme, HostName.normalise(host), port, path, query);
  }

  private static int portOf(String text) throws UrlSyntaxException {
    if (text.matches(":[1-9][0-9]{0,4}")) {
      int port = Integer.parseInt(text.substring(1));
      if (port <= 65535) {
        return port;
      }
    }
    throw new UrlSyntaxException("its port is not a number from 1 to 65535");
  }

  private static ModelUrl s3(String bucket, String path, String query) throws UrlSyntaxException {
    if (!bucket.matches("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]") || bucket.contains("..")) {
      throw new UrlSyntaxException("its bucket is not a name that S3 allows");
    }
    if (!query.isEmpty()) {
      throw new UrlSyntaxException("an s3 URL has no query");
    }
    if (path.equals("/")) {
      throw new UrlSyntaxException("its key is missing, expected s3://bucket/key");
    }
    return new ModelUrl("s3", bucket, OptionalInt.empty(), path, "");
  }

  private static ModelUrl file(String authority, String path, String query)
      throws UrlSyntaxException {
    if (!authority.isEmpty() && !authority.equalsIgnoreCase("localhost")) {
      throw new UrlSyntaxException("a file URL has no host, expected file:///absolute/path");
    }
    if (!query.isEmpty()) {
      throw new UrlSyntaxException("a file URL has no query");
    }
    return new ModelUrl("file", "", OptionalInt.empty(), path, "");
  }

  private static String normalPath(String path) throws UrlSyntaxException {
    String plain = decoded(path, PATH_CHARACTERS, "path");
    List<String> segments = new ArrayList<>();
    String[] all = plain.substring(1).split("/", -1);
    for (int i = 0; i < all.length; i++) {
      if (all[i].equals("..")) {
        throw new UrlSyntaxException("its path has a segment of two dots", true);
      }
      if (!all[i].equals(".")) {
        segments.add(all[i]);
      } else if (i == all.length - 1) {
        segments.add("");
      }
    }
    return "/" + String.join("/", segments);
  }

  /** Decodes what need not be encoded, and refuses what must not stand there either way. */
  private static String decoded(String text, String allowed, String part)
      throws UrlSyntaxException {
    StringBuilder plain = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '%') {
        if (!isAlphanumeric(c) && allowed.indexOf(c) < 0) {
          throw new UrlSyntaxException(
              "its "
                  + part
                  + " has a character that must be percent-encoded or not be there: U+%04X"
                      .formatted((int) c));
        }
        plain.append(c);
        continue;
      }
      int b = byteAt(text, i);
      boolean isPath = part.equals("path");
      if (b < 0x20 || b == 0x7F || b == '\\' || (isPath && b == '/')) {
        throw new UrlSyntaxException(
            "its " + part + " has an encoded slash, backslash or control character");
      }
      if (b == '%' && isPath) {
        // %252e is %2e after one decoding and a dot after the second, which the server may do.
        throw new UrlSyntaxException("its path is encoded twice");
      }
      if (isAlphanumeric((char) b) || UNRESERVED.indexOf(b) >= 0) {
        plain.append((char) b);
      } else {
        plain.append(text.substring(i, i + 3).toUpperCase(Locale.ROOT));
      }
      i += 2;
    }
    return plain.toString();
  }

  private static int byteAt(String text, int percent) throws UrlSyntaxException {
    String digits = text.substring(percent + 1, Math.min(percent + 3, text.length()));
    if (!digits.matches("[0-9A-Fa-f]{2}")) {
      throw new UrlSyntaxException("it has a percent sign without two hexadecimal digits");
    }
    return Integer.parseInt(digits, 16);
  }

  private static boolean isAlphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
}
