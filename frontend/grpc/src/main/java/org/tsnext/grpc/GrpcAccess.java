package org.tsnext.grpc;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import org.tsnext.core.access.AccessKeys;
import org.tsnext.core.access.KeyKind;
import org.tsnext.transport.tls.TlsKeys;

/**
 * Who may call what, and how it travels.
 *
 * @param tokens empty if clients need none
 * @param tls empty if it travels in the clear
 */
public record GrpcAccess(Optional<Tokens> tokens, Optional<Tls> tls) {

  public GrpcAccess {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(tls, "tls");
  }

  /** Whoever reaches the server is served, in the clear. */
  public static GrpcAccess open() {
    return new GrpcAccess(Optional.empty(), Optional.empty());
  }

  /**
   * How tokens are checked.
   *
   * @param keys that are valid
   * @param open what needs no key
   * @param failuresAs400 whether every failure is PERMISSION_DENIED, as TorchServe 0.12 said
   */
  public record Tokens(AccessKeys keys, Set<Kind> open, boolean failuresAs400) {
    public Tokens {
      Objects.requireNonNull(keys, "keys");
      open = Set.copyOf(open);
    }
  }

  /**
   * The key of the gRPC listeners.
   *
   * @param handshakes runs what takes a handshake's time; the caller's to end
   */
  public record Tls(TlsKeys keys, Executor handshakes) {}

  /** What an rpc asks of its callers, where tokens are on. */
  public enum Kind {
    INFERENCE(EnumSet.of(KeyKind.INFERENCE)),
    MANAGEMENT(EnumSet.of(KeyKind.MANAGEMENT)),
    /** Health, for probes that have no key. Open unless the operator closes it. */
    PROBE(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT)),
    /** What the API looks like. Open unless the operator closes it. */
    DESCRIPTION(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT)),
    /** Rpcs that do not exist: whoever has a key may know that. */
    NOWHERE(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT));

    @SuppressWarnings("ImmutableEnumChecker") // a copy that cannot be changed
    private final Set<KeyKind> keys;

    Kind(Set<KeyKind> keys) {
      this.keys = Set.copyOf(keys);
    }

    /** The kinds of keys that open it; one of them is enough. */
    public Set<KeyKind> keys() {
      return keys;
    }
  }
}
