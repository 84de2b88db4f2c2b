package org.tsnext.core.access;

import java.util.EnumSet;
import java.util.Set;

/** What a route, or an rpc, asks of its callers where tokens are on. */
public enum Access {
  INFERENCE(EnumSet.of(TokenKind.INFERENCE)),
  MANAGEMENT(EnumSet.of(TokenKind.MANAGEMENT)),
  /** Replacing tokens. */
  TOKENS(EnumSet.of(TokenKind.API)),
  /** Health, for probes that have no token. Open unless the operator closes it. */
  PROBE(EnumSet.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT)),
  /** What the API looks like. Open unless the operator closes it. */
  DESCRIPTION(EnumSet.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT)),
  /** Figures. Open unless the operator closes it. */
  METRICS(EnumSet.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT)),
  /** Files of web pages, which hold nothing of this server. Always open. */
  PAGE(EnumSet.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT)),
  /** Paths and rpcs that do not exist: a client with any token may know that. */
  NOWHERE(EnumSet.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT));

  @SuppressWarnings("ImmutableEnumChecker") // a copy that cannot be changed
  private final Set<TokenKind> tokens;

  Access(Set<TokenKind> tokens) {
    this.tokens = Set.copyOf(tokens);
  }

  /** The kinds of tokens that open it; one of them is enough. */
  public Set<TokenKind> tokens() {
    return tokens;
  }

  /** Whether this is about the server rather than its models' answers. */
  public boolean managing() {
    return this == MANAGEMENT || this == TOKENS;
  }
}
