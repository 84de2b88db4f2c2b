package org.tsnext.archive;

/** Makes text from an archive fit for a message and a log line. */
public final class PrintableText {

  private static final int MAX_LENGTH = 200;

  private PrintableText() {}

  /** {@code text} with control characters escaped, cut to a length that a reader can take in. */
  public static String of(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (shown.length() >= MAX_LENGTH) {
        return shown.append("...").toString();
      }
      char c = text.charAt(i);
      if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
        shown.append(String.format("\\u%04x", (int) c));
      } else {
        shown.append(c);
      }
    }
    return shown.toString();
  }
}
