package org.tsnext.compatibility;

import com.google.errorprone.annotations.Immutable;
import java.util.Optional;

/** What {@code compatibility=0.12} does to a {@link Deviation}. */
@Immutable
public sealed interface Switched {

  /** The answer of 0.12 comes back; the code asks {@link Compatibility#isOriginal} for the row. */
  record Row() implements Switched {}

  /**
   * A setting that the operator has not set gets the value of 0.12.
   *
   * @param name of the setting
   * @param value as a settings file would say it
   * @param opens whether more is reachable then, which the start has to say
   */
  record Key(String name, String value, boolean opens) implements Switched {}

  /**
   * It stays as it is.
   *
   * @param reason why, if the reason of the row does not say it
   */
  record Stays(Optional<String> reason) implements Switched {}

  /** The setting that brings the answer of 0.12 back, as a user writes it. */
  default Optional<String> assignment() {
    return this instanceof Key key ? Optional.of(key.name() + "=" + key.value()) : Optional.empty();
  }

  /** The row is looked up. */
  static Switched row() {
    return new Row();
  }

  /** The setting {@code assignment}, such as {@code error_detail=false}. */
  static Switched key(String assignment) {
    return key(assignment, false);
  }

  /** As {@link #key}, and more is reachable then. */
  static Switched opens(String assignment) {
    return key(assignment, true);
  }

  private static Switched key(String assignment, boolean opens) {
    int end = assignment.indexOf('=');
    return new Key(assignment.substring(0, end), assignment.substring(end + 1), opens);
  }

  /** It stays for the reason of its row. */
  static Switched stays() {
    return new Stays(Optional.empty());
  }

  /** It stays for this reason. */
  static Switched stays(String reason) {
    return new Stays(Optional.of(reason));
  }
}
