package org.tsnext.core.model;

import java.util.Optional;
import java.util.Set;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * What may be a name or a version of a model, or the name of a workflow: it stands in paths, files,
 * logs and metrics.
 */
public final class Names {

  private static final int MAX_SHOWN = 64;

  private static final Rule NAME = new Rule("model name", "_.-", "", 128);
  private static final Rule WORKFLOW = new Rule("workflow name", "_.-", "", 128);
  private static final Rule VERSION = new Rule("model version", "_.-+~:", "_", 255);

  /** The path {@code /models/{name}/all} means every version. */
  private static final String EVERY_VERSION = "all";

  /** The words of the routes that stand where other paths have the name of a model. */
  private static final Set<String> RESERVED =
      Set.of(
          "all",
          "api-description",
          "console",
          "explanations",
          "invocations",
          "jobs",
          "metrics",
          "models",
          "openapi.json",
          "ping",
          "predictions",
          "ready",
          "token",
          "v1",
          "v2",
          "wfpredict",
          "workflows");

  private Names() {}

  /** Whether a name of a model is a word of the routes, in their letter case. */
  static boolean isReserved(String name) {
    return RESERVED.contains(name);
  }

  /** The error for a name that {@link #isReserved}. */
  static ServingException reserved(ErrorKind kind, String name) {
    return new ServingException(
        kind,
        "The model name \""
            + name
            + "\" is not allowed: the server uses it in its own paths. Choose another one with"
            + " model_name.");
  }

  /** Whether a model can be registered under that name. */
  public static boolean isPossible(String name) {
    return NAME.defect(name).isEmpty();
  }

  /**
   * Returns {@code name} if it may be one.
   *
   * @param kind of the error if it is not allowed, by its source
   */
  public static String requireName(ErrorKind kind, String name) {
    return NAME.require(kind, name);
  }

  /**
   * Returns {@code name} if it may be the name of a workflow.
   *
   * @param kind of the error if it is not allowed, by its source
   */
  public static String requireWorkflowName(ErrorKind kind, String name) {
    return WORKFLOW.require(kind, name);
  }

  /** Returns {@code version} if it may be one. */
  static String requireVersion(ErrorKind kind, String version) {
    if (version.equals(EVERY_VERSION)) {
      throw new ServingException(
          kind,
          "The model version \"all\" is not allowed: in the API it stands for every version.");
    }
    return VERSION.require(kind, version);
  }

  /**
   * What is allowed, beside letters and digits.
   *
   * @param marks anywhere but at the start
   * @param firstMarks at the start
   */
  private record Rule(String what, String marks, String firstMarks, int maxLength) {

    String require(ErrorKind kind, String value) {
      defect(value)
          .ifPresent(
              defect -> {
                throw new ServingException(
                    kind,
                    "The %s \"%s\" is not allowed: %s, expected 1 to %d of A-Z a-z 0-9 %s, the first one a letter%s."
                        .formatted(
                            what,
                            value.length() > MAX_SHOWN
                                ? value.substring(0, MAX_SHOWN) + "..."
                                : value,
                            defect,
                            maxLength,
                            String.join(" ", marks.split("")),
                            firstMarks.isEmpty()
                                ? " or a digit"
                                : ", a digit or " + String.join(" or ", firstMarks.split(""))));
              });
      return value;
    }

    private Optional<String> defect(String value) {
      if (value.isEmpty()) {
        return Optional.of("it is empty");
      }
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        if (!isAlphanumeric(c) && (i == 0 ? firstMarks : marks).indexOf(c) < 0) {
          String shown = c > ' ' && c < 0x7f ? "'" + c + "'" : String.format("U+%04X", (int) c);
          return Optional.of(i == 0 ? "it begins with " + shown : "it contains " + shown);
        }
      }
      return value.length() > maxLength
          ? Optional.of("it has " + value.length() + " characters")
          : Optional.empty();
    }
  }

  private static boolean isAlphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
}
