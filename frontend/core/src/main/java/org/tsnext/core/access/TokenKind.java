package org.tsnext.core.access;

import java.util.Optional;

/** What a token opens. */
public enum TokenKind {
  /** Asking models. */
  INFERENCE("inference"),
  /** Looking after models. */
  MANAGEMENT("management"),
  /** Replacing the other two, and nothing else. */
  API("API");

  private final String text;

  TokenKind(String text) {
    this.text = text;
  }

  /** The word of key files and of {@code /token?type=}. */
  public String text() {
    return text;
  }

  /** The kind that {@code word} names exactly, if clients may replace it. */
  public static Optional<TokenKind> replaceable(String word) {
    if (word.equals(INFERENCE.text)) {
      return Optional.of(INFERENCE);
    }
    return word.equals(MANAGEMENT.text) ? Optional.of(MANAGEMENT) : Optional.empty();
  }
}
