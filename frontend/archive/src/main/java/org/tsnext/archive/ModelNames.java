package org.tsnext.archive;

import java.util.regex.Pattern;

/** Names of models. */
public final class ModelNames {

  private static final Pattern NOT_IN_A_NAME = Pattern.compile("\\W|^_");

  private ModelNames() {}

  /**
   * The name of a model that neither the operator nor a manifest names: that of its file, without
   * the last extension if it has {@code .mar} or {@code .model} in it, and {@code _} in place of
   * what is no word character. So {@code a-b.mar} is {@code a_b}, {@code a-b.tar.gz} is {@code
   * a_b_tar_gz}.
   *
   * @param url as given at start-up
   */
  public static String fromUrl(String url) {
    String name = lastSegment(url);
    if (name.contains(".mar") || name.contains(".model")) {
      name = name.substring(0, name.lastIndexOf('.'));
    }
    return NOT_IN_A_NAME.matcher(name).replaceAll("_");
  }

  /** What follows the last slash; slashes at the very end do not count. */
  public static String lastSegment(String url) {
    int end = url.length();
    while (end > 0 && url.charAt(end - 1) == '/') {
      end--;
    }
    return url.substring(url.lastIndexOf('/', end - 1) + 1, end);
  }
}
