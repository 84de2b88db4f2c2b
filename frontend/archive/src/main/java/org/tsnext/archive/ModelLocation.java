package org.tsnext.archive;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Where a model is, in the words of whoever asks for it.
 *
 * @param text a name in the model store, a path or a URL, without the digest
 * @param sha256 what the archive's octets must have, in 64 lower-case hexadecimal digits
 * @param trusted whether the operator named it (at start-up) rather than a caller of the API
 * @param awsSigned whether a download is signed with the server's AWS credentials
 */
public record ModelLocation(
    String text, Optional<String> sha256, boolean trusted, boolean awsSigned) {

  private static final String DIGEST_MARK = "#sha256=";
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern URL = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*", Pattern.DOTALL);

  public ModelLocation {
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(sha256, "sha256");
  }

  /**
   * Takes {@code #sha256=<64 hexadecimal digits>} off the end of {@code text}, if it is there.
   *
   * @throws ArchiveException if the digest is not one
   */
  public static ModelLocation parse(String text, boolean trusted, boolean awsSigned)
      throws ArchiveException {
    int mark = text.indexOf(DIGEST_MARK);
    if (mark < 0) {
      return new ModelLocation(text, Optional.empty(), trusted, awsSigned);
    }
    String digest = text.substring(mark + DIGEST_MARK.length()).toLowerCase(Locale.ROOT);
    if (!DIGEST.matcher(digest).matches()) {
      throw new ArchiveException(
          Reason.INVALID,
          "The SHA-256 after "
              + DIGEST_MARK
              + " is "
              + PrintableText.of(digest)
              + ", expected 64 hexadecimal digits");
    }
    return new ModelLocation(text.substring(0, mark), Optional.of(digest), trusted, awsSigned);
  }

  /** Whether it is a URL; otherwise it is a name or a path. */
  public boolean isUrl() {
    return URL.matcher(text).matches();
  }

  /** What may be kept and told to others: no user-info, no query (it may hold a signature). */
  public String publicText() {
    return publicText(text) + sha256.map(digest -> DIGEST_MARK + digest).orElse("");
  }

  /** {@link #publicText} for messages: printable, and cut if it is very long. */
  public String shown() {
    return PrintableText.of(publicText());
  }

  /** {@code text} without what may be secret if it is a URL, else as it is. */
  public static String publicText(String text) {
    if (!URL.matcher(text).matches()) {
      return text;
    }
    int digest = text.indexOf(DIGEST_MARK);
    String url = digest < 0 ? text : text.substring(0, digest);
    int query = firstOf(url, 0, "?#");
    url = url.substring(0, query);
    int authority = url.indexOf(':') + 1;
    while (authority < url.length() && "/\\".indexOf(url.charAt(authority)) >= 0) {
      authority++;
    }
    int at = url.substring(0, firstOf(url, authority, "/\\")).lastIndexOf('@');
    if (at >= authority) {
      url = url.substring(0, authority) + "***" + url.substring(at);
    }
    return digest < 0 ? url : url + text.substring(digest);
  }

  private static int firstOf(String text, int from, String characters) {
    for (int i = from; i < text.length(); i++) {
      if (characters.indexOf(text.charAt(i)) >= 0) {
        return i;
      }
    }
    return text.length();
  }
}
