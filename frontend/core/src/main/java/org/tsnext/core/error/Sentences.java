package org.tsnext.core.error;

/** Puts texts that people read after one another. */
public final class Sentences {

  private static final String ENDS = ".!?";

  private Sentences() {}

  /** The text with a full stop, unless it ends as a sentence does or is empty. */
  public static String ended(String text) {
    return text.isEmpty() || isEnded(text) ? text : text + ".";
  }

  /** Texts as sentences; empty ones are left out, and the last stays as it is. */
  public static String joined(String... texts) {
    StringBuilder sentences = new StringBuilder();
    for (String text : texts) {
      if (!sentences.isEmpty() && !text.isEmpty()) {
        sentences.append(isEnded(sentences) ? " " : ". ");
      }
      sentences.append(text);
    }
    return sentences.toString();
  }

  /** A message and its cause: after a colon, unless the message is a sentence or empty. */
  public static String withCause(String message, String cause) {
    return message.isEmpty() || isEnded(message) ? joined(message, cause) : message + ": " + cause;
  }

  private static boolean isEnded(CharSequence text) {
    return !text.isEmpty() && ENDS.indexOf(text.charAt(text.length() - 1)) >= 0;
  }
}
