package org.tsnext.core.access;

import java.util.concurrent.CompletableFuture;

/** Replaces tokens. */
@FunctionalInterface
public interface TokenRotation {

  /**
   * Makes a new token of a kind and publishes it. Does not block.
   *
   * @return completes when the new token is valid and published; exceptionally with a {@link
   *     org.tsnext.core.error.ServingException} if the old one stays
   */
  CompletableFuture<Void> rotate(TokenKind kind);
}
