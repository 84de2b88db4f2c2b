package org.tsnext.core.model;

import java.util.List;
import java.util.regex.Pattern;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Names and versions of models: what is allowed, and what a file name makes of itself. */
public final class ModelNames {

  private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}");

  private static final List<String> ARCHIVE_ENDINGS =
      List.of(".tar.gz", ".tgz", ".mar", ".model", ".zip");

  private ModelNames() {}

  /**
   * The name of a model that says none itself and is loaded by the operator: the last segment of
   * its place, without the ending of an archive, and with other signs as underscores.
   */
  public static String fromFileName(String url) {
    String path = url.replaceAll("/+$", "");
    String name = path.substring(path.lastIndexOf('/') + 1);
    for (String ending : ARCHIVE_ENDINGS) {
      if (name.endsWith(ending)) {
        name = name.substring(0, name.length() - ending.length());
        break;
      }
    }
    return name.replaceAll("\\W", "_").replaceAll("^_+", "");
  }

  /**
   * Returns {@code value} if it may be a name or a version.
   *
   * @param what the word for it in the error
   */
  static String requireAllowed(String what, String value) {
    if (!ALLOWED.matcher(value).matches()) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          what
              + " \""
              + value
              + "\" is not allowed: expected 1 to 128 letters, digits, '_', '.' or '-', beginning"
              + " with a letter or a digit.");
    }
    return value;
  }
}
