package org.tsnext.core.access;

/**
 * Which headers of a client a handler may see, on every transport. What belongs to a transport
 * itself, such as {@code te}, is left out by that transport.
 */
public enum HeaderPolicy {
  /** The listener checks tokens: {@code Authorization} carries a token of the server's own. */
  TOKENS_CHECKED,
  /** The listener checks none: what {@code Authorization} carries is meant for the handler. */
  TOKENS_OFF;

  /** The policy of a listener that checks tokens, or does not. */
  public static HeaderPolicy of(boolean tokensChecked) {
    return tokensChecked ? TOKENS_CHECKED : TOKENS_OFF;
  }

  /**
   * Whether a header reaches the handler. {@code describe} and {@code url_path} are the server's
   * own to say. Compares by length first: this runs for every header of every request.
   *
   * @param name in any letter case
   */
  public boolean passes(String name) {
    return switch (name.length()) {
      case 8 -> !name.equalsIgnoreCase("describe") && !name.equalsIgnoreCase("url_path");
      case 13 -> this == TOKENS_OFF || !name.equalsIgnoreCase("authorization");
      default -> true;
    };
  }
}
