package org.tsnext.server.check;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * One thing that a check says.
 *
 * @param subject the file, key or archive
 * @param what a sentence or two
 * @param remedy what to do, or the setting that brings the way of TorchServe 0.12 back
 */
public record Finding(Level level, String subject, String what, Optional<String> remedy) {

  /** From good to bad. */
  public enum Level {
    /** As in TorchServe 0.12. */
    WORKS,
    /** Otherwise than in TorchServe 0.12. */
    DIFFERS,
    /** Does not work. */
    FAILS;

    /** The word in reports. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Finding {
    Objects.requireNonNull(level, "level");
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(what, "what");
    Objects.requireNonNull(remedy, "remedy");
  }

  static Finding works(String subject, String what) {
    return new Finding(Level.WORKS, subject, what, Optional.empty());
  }

  static Finding works(String subject, String what, String remedy) {
    return new Finding(Level.WORKS, subject, what, Optional.of(remedy));
  }

  /** Something that does not work, and what to do. */
  public static Finding fails(String subject, String what, String remedy) {
    return new Finding(Level.FAILS, subject, what, Optional.of(remedy));
  }
}
