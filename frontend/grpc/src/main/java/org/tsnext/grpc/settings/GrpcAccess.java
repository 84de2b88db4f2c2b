package org.tsnext.grpc.settings;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.transport.tls.TlsKeys;

/**
 * Who may call what, and how it travels.
 *
 * @param tokens empty if clients need none
 * @param tls empty if it travels in the clear
 * @param pages of which origins web pages may call
 */
public record GrpcAccess(Optional<Tokens> tokens, Optional<Tls> tls, AllowedPages pages) {

  public GrpcAccess {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(tls, "tls");
    Objects.requireNonNull(pages, "pages");
  }

  /** Any client that can reach the server can use it, without encryption. */
  public static GrpcAccess open() {
    return new GrpcAccess(Optional.empty(), Optional.empty(), AllowedPages.none());
  }

  /**
   * How tokens are checked.
   *
   * @param tokens that are valid
   * @param open what needs no token
   * @param failuresAs400 whether every failure is PERMISSION_DENIED, as TorchServe 0.12 said
   */
  public record Tokens(AccessTokens tokens, Set<Access> open, boolean failuresAs400) {
    public Tokens {
      Objects.requireNonNull(tokens, "tokens");
      open = Set.copyOf(open);
    }
  }

  /**
   * The key of the gRPC listeners.
   *
   * @param handshakes runs what takes a handshake's time; the caller's to end
   */
  public record Tls(TlsKeys keys, Executor handshakes) {}
}
