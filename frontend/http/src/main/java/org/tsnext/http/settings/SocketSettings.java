package org.tsnext.http.settings;

import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import org.tsnext.transport.tls.TlsKeys;

/**
 * What lies below HTTP.
 *
 * @param tls must be there if a listener has an https address
 * @param unixMode who may connect to a listener's Unix socket
 */
public record SocketSettings(Optional<Tls> tls, Set<PosixFilePermission> unixMode) {

  public SocketSettings {
    Objects.requireNonNull(tls, "tls");
    unixMode = Set.copyOf(unixMode);
  }

  /** No TLS, and Unix sockets for their owner only. */
  public static SocketSettings plain() {
    return new SocketSettings(Optional.empty(), PosixFilePermissions.fromString("rw-------"));
  }

  /**
   * The key of all https listeners.
   *
   * @param handshakes runs what takes a handshake's time, so that event loops go on; the caller's
   *     to end
   */
  public record Tls(TlsKeys keys, Executor handshakes) {}
}
