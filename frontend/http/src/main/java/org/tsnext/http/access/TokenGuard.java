package org.tsnext.http.access;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.stream.Collectors;
import org.tsnext.core.access.AccessKeys.Verdict;
import org.tsnext.core.access.KeyKind;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.TokenSettings;
import org.tsnext.http.routing.Access;
import org.tsnext.http.routing.RequestGuard;

/** Lets requests pass that carry the key which their route asks for. Any event loop. */
public final class TokenGuard implements RequestGuard {

  /** What {@code /token} has always said instead. */
  public static final String KEYS_REFUSAL =
      "Token Authentication failed. Token either incorrect, expired, or not provided correctly";

  private static final String REFUSAL =
      "Token Authorization failed. Token either incorrect, expired, or not provided correctly";

  private static final String SCHEME = "Bearer";

  private static final String HOW =
      " This route needs the %s key: send the header 'Authorization: Bearer <key>'. The log of the"
          + " server's start says where its keys are; with --disable-token-auth it asks for none.";

  private final TokenSettings settings;

  public TokenGuard(TokenSettings settings) {
    this.settings = settings;
  }

  @Override
  public void check(HttpRequest head, Access access) {
    if (settings.open().contains(access)) {
      return;
    }
    List<String> headers = head.headers().getAll(HttpHeaderNames.AUTHORIZATION);
    if (headers.isEmpty()) {
      throw refused(ErrorKind.TOKEN_MISSING, access, "The request has no key.");
    }
    String key = headers.size() == 1 ? bearer(headers.get(0)) : "";
    if (key.isEmpty()) {
      throw refused(
          ErrorKind.TOKEN_MISSING,
          access,
          "The header Authorization is not one scheme, Bearer, and one key without blanks.");
    }
    Verdict verdict = settings.keys().check(access.keys(), key);
    switch (verdict) {
      case GRANTED -> {
        // It may go where it wants to.
      }
      case WRONG_KIND ->
          throw refused(
              ErrorKind.TOKEN_FORBIDDEN, access, "The key is valid, but of another kind.");
      case EXPIRED ->
          throw refused(
              ErrorKind.TOKEN_MISSING,
              access,
              "The key has expired; /token on the management address makes a new one.");
      case UNKNOWN -> throw refused(ErrorKind.TOKEN_MISSING, access, "The key is not known.");
    }
  }

  /**
   * The key of {@code Bearer <key>}, or empty. The scheme's letter case says nothing (RFC 9110).
   */
  private static String bearer(String header) {
    int end = SCHEME.length();
    if (!header.regionMatches(true, 0, SCHEME, 0, end)
        || header.length() == end
        || !isBlank(header.charAt(end))) {
      return "";
    }
    String key = header.substring(end).strip();
    for (int i = 0; i < key.length(); i++) {
      if (isBlank(key.charAt(i))) {
        return "";
      }
    }
    return key;
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  private ServingException refused(ErrorKind kind, Access access, String reason) {
    String kinds =
        access.keys().stream().sorted().map(KeyKind::text).collect(Collectors.joining(" or the "));
    return new ServingException(
            settings.failuresAs400() ? ErrorKind.TOKEN_REFUSED : kind,
            access == Access.KEYS ? KEYS_REFUSAL : REFUSAL)
        .withDetail(reason + HOW.formatted(kinds));
  }
}
