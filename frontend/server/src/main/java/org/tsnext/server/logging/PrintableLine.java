package org.tsnext.server.logging;

/**
 * Which characters may stand in a log: those that neither begin a line, nor move the cursor of a
 * terminal, nor change the order in which others are shown. What stands in their place is {@code
 * ?}.
 */
final class PrintableLine {
  private static final char REPLACEMENT = '?';
  private static final String CONTINUATION = "    ";

  private PrintableLine() {}

  /**
   * Whether a character is a control character, for a program that shows the log. Tabs and line
   * feeds are, too.
   */
  static boolean isControl(char c) {
    if (c < 0x7f) {
      return c < ' ';
    }
    if (c < 0x2028) {
      return c <= 0x9f; // DEL and C1, with U+0085, the next line
    }
    return c <= 0x202e // separators of lines and paragraphs, embeddings and overrides of direction
        || (c >= 0x2066 && c <= 0x2069); // isolates
  }

  /** Whether a message can stay as it is: one line, or lines of which the further are indented. */
  static boolean isClean(CharSequence text) {
    int length = text.length();
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (isControl(c) && c != '\t' && !(c == '\n' && isContinued(text, i))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Returns a message in which controls but tabs are replaced. Lines after the first are indented:
   * none of them can be taken for a line of the log.
   */
  static String of(CharSequence text) {
    StringBuilder clean = new StringBuilder(text.length() + CONTINUATION.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\n') {
        clean.append(isContinued(text, i) ? "\n" : "\n" + CONTINUATION);
      } else {
        clean.append(isControl(c) && c != '\t' ? REPLACEMENT : c);
      }
    }
    return clean.toString();
  }

  /**
   * Returns a text in which all controls but tabs and line feeds are replaced, as JSON needs it.
   */
  static String withLineFeeds(String text) {
    StringBuilder clean = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      clean.append(isControl(c) && c != '\t' && c != '\n' ? REPLACEMENT : c);
    }
    return clean.toString();
  }

  /** Appends a text in which every control is replaced, tabs and line feeds too. */
  static StringBuilder appendField(StringBuilder line, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(isControl(c) ? REPLACEMENT : c);
    }
    return line;
  }

  /** Whether a line feed is the last character, or followed by a blank line or an indented one. */
  private static boolean isContinued(CharSequence text, int lineFeed) {
    int next = lineFeed + 1;
    return next == text.length()
        || text.charAt(next) == ' '
        || text.charAt(next) == '\t'
        || text.charAt(next) == '\n';
  }
}
