package org.tsnext.server.snapshot;

import java.util.regex.Pattern;
import org.tsnext.archive.ModelNames;

/** Leaves out of a URL what opens doors: who calls, and a signature. */
final class SafeUrl {
  private static final Pattern USER_INFO = Pattern.compile("^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@");
  private static final Pattern SECRET =
      Pattern.compile(
          "(?i)(signature|credential|token|secret|password|passwd|api[-_]?key|\\bsig)=");

  private SafeUrl() {}

  /** {@code url} without user information, and without its query if that looks like a secret. */
  static String of(String url) {
    String plain = USER_INFO.matcher(url).replaceFirst("$1");
    int query = plain.indexOf('?');
    if (query < 0 || !SECRET.matcher(plain.substring(query)).find()) {
      return plain;
    }
    // The fragment is the digest that the archive must have.
    int fragment = plain.indexOf('#', query);
    return plain.substring(0, query) + (fragment < 0 ? "" : plain.substring(fragment));
  }

  /** The last segment of its path. */
  static String fileName(String url) {
    boolean remote = url.contains("://");
    return ModelNames.lastSegment(remote ? url.split("[?#]", 2)[0] : url);
  }
}
