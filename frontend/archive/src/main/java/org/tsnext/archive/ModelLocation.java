package org.tsnext.archive;

import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * The location of a model, as the request names it.
 *
 * @param text a name in the model store, a path or a URL, without the digest
 * @param sha256 what the archive's bytes must have, in 64 lower-case hexadecimal digits
 * @param trusted whether the operator named it (at start-up) rather than a caller of the API
 * @param awsSigned whether a download is signed with the server's AWS credentials
 */
public record ModelLocation(
    String text, Optional<String> sha256, boolean trusted, boolean awsSigned) {

  /** Names of parameters that say which file is meant, and open no doors; in lower case. */
  private static final Set<String> PLAIN_PARAMETERS =
      Set.of(
          "alt",
          "branch",
          "download",
          "file",
          "filename",
          "generation",
          "model",
          "name",
          "path",
          "raw",
          "ref",
          "rev",
          "revision",
          "v",
          "version",
          "versionid");

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

  /** What may be kept and told to others, see {@link #publicText(String)}. */
  public String publicText() {
    return publicText(text) + sha256.map(digest -> DIGEST_MARK + digest).orElse("");
  }

  /** {@link #publicText} for messages: printable, and cut if it is very long. */
  public String shown() {
    return PrintableText.of(publicText());
  }

  /**
   * {@code text} without what may be secret if it is a URL, else as it is: without user-info, and
   * without its query unless every parameter of it is one that says which file is meant. Logs,
   * answers and snapshots follow this one rule.
   */
  public static String publicText(String text) {
    if (!URL.matcher(text).matches()) {
      return text;
    }
    int digest = text.indexOf(DIGEST_MARK);
    String url = digest < 0 ? text : text.substring(0, digest);
    int query = firstOf(url, 0, "?#");
    String kept = url.startsWith("?", query) ? plainQuery(url.substring(query)) : "";
    url = url.substring(0, query);
    int authority = url.indexOf(':') + 1;
    while (authority < url.length() && "/\\".indexOf(url.charAt(authority)) >= 0) {
      authority++;
    }
    int at = url.substring(0, firstOf(url, authority, "/\\")).lastIndexOf('@');
    if (at >= authority) {
      url = url.substring(0, authority) + "***" + url.substring(at);
    }
    return url + kept + (digest < 0 ? "" : text.substring(digest));
  }

  private static String plainQuery(String query) {
    String withoutFragment = query.substring(0, firstOf(query, 0, "#"));
    boolean plain =
        Arrays.stream(withoutFragment.substring(1).split("[&;]", -1))
            .map(parameter -> parameter.split("=", 2)[0].toLowerCase(Locale.ROOT))
            .allMatch(PLAIN_PARAMETERS::contains);
    return plain ? withoutFragment : "";
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
