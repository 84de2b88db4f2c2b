package org.tsnext.archive.remote;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The operator's {@code allowed_urls}: regular expressions, one of which must match a whole URL in
 * its normal form. Thread-safe.
 */
public final class AllowedUrls {

  /** Far above what a sensible expression looks at, and about a millisecond. */
  private static final int MAX_STEPS = 1_000_000;

  private final List<Pattern> patterns;

  public AllowedUrls(List<Pattern> patterns) {
    this.patterns = List.copyOf(patterns);
  }

  boolean isEmpty() {
    return patterns.isEmpty();
  }

  /**
   * Whether an expression matches {@code text} as a whole. An expression that takes too long does
   * not match: the URL comes from outside and must not be able to keep a thread busy.
   */
  public boolean allows(String text) {
    return patterns.stream().anyMatch(pattern -> matches(pattern, text));
  }

  private static boolean matches(Pattern pattern, String text) {
    try {
      return pattern.matcher(new CountedText(text, new int[] {MAX_STEPS})).matches();
    } catch (StackOverflowError | TooManySteps e) {
      return false;
    }
  }

  /** Text that can be looked at only so many times. */
  private static final class CountedText implements CharSequence {
    private final CharSequence text;
    private final int[] left;

    /**
     * @param left how many times; its one element is shared with parts of the text
     */
    CountedText(CharSequence text, int[] left) {
      this.text = text;
      this.left = left;
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (--left[0] < 0) {
        throw new TooManySteps();
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new CountedText(text.subSequence(start, end), left);
    }

    @Override
    public String toString() {
      return text.toString();
    }
  }

  private static final class TooManySteps extends RuntimeException {
    TooManySteps() {
      super("too many steps", null, false, false);
    }
  }
}
