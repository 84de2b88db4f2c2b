package org.tsnext.core.access;

import java.util.concurrent.CompletableFuture;

/** Replaces keys. */
@FunctionalInterface
public interface KeyRotation {

  /**
   * Makes a new key of a kind and publishes it. Does not block.
   *
   * @return completes when the new key is valid and published; exceptionally with a {@link
   *     org.tsnext.core.error.ServingException} if the old one stays
   */
  CompletableFuture<Void> rotate(KeyKind kind);
}
