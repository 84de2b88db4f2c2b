package org.tsnext.core.access;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.tsnext.core.access.AccessKeys.Verdict;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Judges the key that a request presents, whatever the transport. Any thread. */
public final class KeyCheck {

  /** What a request is told that is not let in. */
  public static final String REFUSAL =
      "Token Authorization failed. Token either incorrect, expired, or not provided correctly";

  private static final String SCHEME = "Bearer";

  private static final String HOW =
      " This %s needs the %s key: send the header 'Authorization: Bearer <key>'. The log of the"
          + " server's start says where its keys are; with --disable-token-auth it asks for none.";

  private final AccessKeys keys;
  private final boolean failuresAs400;
  private final String request;

  /**
   * Makes a check.
   *
   * @param keys that are valid
   * @param failuresAs400 whether every failure is of the kind {@code TOKEN_REFUSED}
   * @param request the transport's word for what is asked, {@code route} or {@code call}
   */
  public KeyCheck(AccessKeys keys, boolean failuresAs400, String request) {
    this.keys = keys;
    this.failuresAs400 = failuresAs400;
    this.request = request;
  }

  /**
   * Lets a request pass that carries a key of one of the kinds.
   *
   * @param presented the values of its {@code Authorization}
   * @param refusal the message for the client if it does not
   * @throws ServingException with that message, and the reason as its detail
   */
  public void require(Set<KeyKind> kinds, List<String> presented, String refusal) {
    if (presented.isEmpty()) {
      throw refused(ErrorKind.TOKEN_MISSING, kinds, refusal, "The request has no key.");
    }
    String key = presented.size() == 1 ? bearer(presented.get(0)) : "";
    if (key.isEmpty()) {
      throw refused(
          ErrorKind.TOKEN_MISSING,
          kinds,
          refusal,
          "The header Authorization is not one scheme, Bearer, and one key without blanks.");
    }
    Verdict verdict = keys.check(kinds, key);
    switch (verdict) {
      case GRANTED -> {
        // It may go where it wants to.
      }
      case WRONG_KIND ->
          throw refused(
              ErrorKind.TOKEN_FORBIDDEN, kinds, refusal, "The key is valid, but of another kind.");
      case EXPIRED ->
          throw refused(
              ErrorKind.TOKEN_MISSING,
              kinds,
              refusal,
              "The key has expired; /token on the management address makes a new one.");
      case UNKNOWN ->
          throw refused(ErrorKind.TOKEN_MISSING, kinds, refusal, "The key is not known.");
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

  private ServingException refused(
      ErrorKind kind, Set<KeyKind> kinds, String refusal, String reason) {
    String names =
        kinds.stream().sorted().map(KeyKind::text).collect(Collectors.joining(" or the "));
    return new ServingException(failuresAs400 ? ErrorKind.TOKEN_REFUSED : kind, refusal)
        .withDetail(reason + HOW.formatted(request, names));
  }
}
