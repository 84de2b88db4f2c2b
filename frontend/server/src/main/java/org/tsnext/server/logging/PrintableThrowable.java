package org.tsnext.server.logging;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** Stands for an exception whose message, or that of a cause, has controls in it. */
final class PrintableThrowable extends Throwable {
  private static final long serialVersionUID = 1;

  private final String description;

  private PrintableThrowable(Throwable original, Set<Throwable> seen) {
    super(
        original.getMessage() == null ? null : PrintableLine.of(original.getMessage()),
        copy(original.getCause(), seen));
    this.description = PrintableLine.of(original.toString());
    setStackTrace(original.getStackTrace());
    for (Throwable suppressed : original.getSuppressed()) {
      Throwable copy = copy(suppressed, seen);
      if (copy != null) {
        addSuppressed(copy);
      }
    }
  }

  /** Returns the exception itself if nothing in it has to be replaced; null for null. */
  static Throwable of(Throwable thrown) {
    return thrown == null || isClean(thrown, newSet()) ? thrown : copy(thrown, newSet());
  }

  private static boolean isClean(Throwable thrown, Set<Throwable> seen) {
    if (!seen.add(thrown)) {
      return true;
    }
    if (!PrintableLine.isClean(String.valueOf(thrown))) {
      return false;
    }
    for (Throwable suppressed : thrown.getSuppressed()) {
      if (!isClean(suppressed, seen)) {
        return false;
      }
    }
    return thrown.getCause() == null || isClean(thrown.getCause(), seen);
  }

  private static Throwable copy(Throwable thrown, Set<Throwable> seen) {
    return thrown == null || !seen.add(thrown) ? null : new PrintableThrowable(thrown, seen);
  }

  private static Set<Throwable> newSet() {
    return Collections.newSetFromMap(new IdentityHashMap<>());
  }

  // It stands for a throwable of another class, whose name is in the text.
  @SuppressWarnings("OverrideThrowableToString")
  @Override
  public String toString() {
    return description;
  }
}
