package org.tsnext.http.request;

/** The host, and perhaps port, of a {@code Host} header or of an absolute request target. */
public final class Authority {

  /**
   * The ASCII characters that a host may have outside of brackets (RFC 3986, 3.2.2), but for the
   * comma, which in practice parts two hosts.
   */
  private static final boolean[] IN_HOST = table("-._~!$&'()*+;=%");

  private static final boolean[] IN_BRACKETS = table("-._~!$&'()*+;=:");

  private Authority() {}

  /**
   * Whether {@code text} is {@code host[:port]}; both may be empty, and user information is not.
   */
  public static boolean isValid(CharSequence text) {
    int length = text.length();
    int at = 0;
    if (length > 0 && text.charAt(0) == '[') {
      at = skip(text, 1, IN_BRACKETS);
      if (at == 1 || at == length || text.charAt(at) != ']') {
        return false;
      }
      at++;
    } else {
      at = skip(text, 0, IN_HOST);
    }
    if (at == length) {
      return true;
    }
    if (text.charAt(at) != ':') {
      return false;
    }
    for (int i = at + 1; i < length; i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }

  /** Whether {@code text} is {@code host:port}, the target of a CONNECT request. */
  public static boolean isHostAndPort(CharSequence text) {
    int colon = text.length();
    while (colon > 0 && text.charAt(colon - 1) >= '0' && text.charAt(colon - 1) <= '9') {
      colon--;
    }
    return colon > 1 && colon < text.length() && text.charAt(colon - 1) == ':' && isValid(text);
  }

  private static int skip(CharSequence text, int from, boolean[] allowed) {
    int at = from;
    while (at < text.length() && text.charAt(at) < allowed.length && allowed[text.charAt(at)]) {
      at++;
    }
    return at;
  }

  private static boolean[] table(String others) {
    boolean[] allowed = new boolean[128];
    for (char c = 0; c < allowed.length; c++) {
      allowed[c] =
          (c >= '0' && c <= '9')
              || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || others.indexOf(c) >= 0;
    }
    return allowed;
  }
}
