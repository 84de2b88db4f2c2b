package org.tsnext.core.access;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.access.AccessTokens.Verdict;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Judges the token that a request presents, whatever the transport. Any thread. */
public final class TokenCheck {

  /** What a request is told that is not let in. */
  public static final String REFUSAL =
      "Token Authorization failed. Token either incorrect, expired, or not provided correctly";

  private static final String SCHEME = "Bearer";

  private static final String HOW =
      " This %s needs the %s token: send the header 'Authorization: Bearer <token>'. The log of the"
          + " server's start says where the tokens are; with --disable-token-auth the server needs none.";

  private final AccessTokens tokens;
  private final boolean failuresAs400;
  private final String request;

  /**
   * Makes a check.
   *
   * @param tokens that are valid
   * @param failuresAs400 whether every failure is of the kind {@code TOKEN_REFUSED}
   * @param request the transport's word for what is asked, {@code route} or {@code call}
   */
  public TokenCheck(AccessTokens tokens, boolean failuresAs400, String request) {
    this.tokens = tokens;
    this.failuresAs400 = failuresAs400;
    this.request = request;
  }

  /**
   * Lets a request pass that carries a token of one of the kinds.
   *
   * @param presented the values of its {@code Authorization}
   * @param refusal the message for the client if it does not
   * @throws ServingException with that message, and the reason as its detail
   */
  public void require(Set<TokenKind> kinds, List<String> presented, String refusal) {
    if (presented.isEmpty()) {
      throw refused(ErrorKind.TOKEN_MISSING, kinds, refusal, "The request has no token.");
    }
    String token = presented.size() == 1 ? bearer(presented.get(0)) : "";
    if (token.isEmpty()) {
      throw refused(
          ErrorKind.TOKEN_MISSING,
          kinds,
          refusal,
          "The header Authorization is not one scheme, Bearer, and one token without spaces.");
    }
    Verdict verdict = tokens.check(kinds, token);
    switch (verdict) {
      case GRANTED -> {
        // It may go where it wants to.
      }
      case WRONG_KIND ->
          throw refused(
              ErrorKind.TOKEN_FORBIDDEN,
              kinds,
              refusal,
              "The token is valid, but for another API.");
      case EXPIRED ->
          throw refused(
              ErrorKind.TOKEN_MISSING,
              kinds,
              refusal,
              "The token has expired; /token on the management address makes a new one.");
      case UNKNOWN ->
          throw refused(ErrorKind.TOKEN_MISSING, kinds, refusal, "The token is not known.");
    }
  }

  /**
   * The token of {@code Bearer <token>}, or empty. The scheme's letter case says nothing (RFC
   * 9110).
   */
  private static String bearer(String header) {
    int end = SCHEME.length();
    if (!header.regionMatches(true, 0, SCHEME, 0, end)
        || header.length() == end
        || !isBlank(header.charAt(end))) {
      return "";
    }
    String token = header.substring(end).strip();
    for (int i = 0; i < token.length(); i++) {
      if (isBlank(token.charAt(i))) {
        return "";
      }
    }
    return token;
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  private ServingException refused(
      ErrorKind kind, Set<TokenKind> kinds, String refusal, String reason) {
    String names =
        kinds.stream().sorted().map(TokenKind::text).collect(Collectors.joining(" or the "));
    return new ServingException(failuresAs400 ? ErrorKind.TOKEN_REFUSED : kind, refusal)
        .withDetail(reason + HOW.formatted(request, names))
        .withDeviation(Deviation.TOKEN_STATUS);
  }
}
