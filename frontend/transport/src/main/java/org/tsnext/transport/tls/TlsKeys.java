package org.tsnext.transport.tls;

import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one TLS key of a server, for all its listeners, exchanged when its files change. */
public final class TlsKeys {
  private static final Logger LOGGER = LoggerFactory.getLogger(TlsKeys.class);

  private static final List<String> PROTOCOLS = List.of("TLSv1.3", "TLSv1.2");

  /** Forward secret and authenticated encryption only. */
  private static final List<String> CIPHERS =
      List.of(
          "TLS_AES_128_GCM_SHA256",
          "TLS_AES_256_GCM_SHA384",
          "TLS_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");

  private final KeySource source;
  private final InstantSource clock;
  private final ReloadingKeyManager manager;

  /** What the files held when the key in use was read. */
  private List<byte[]> seen;

  private String lastFailure = "";

  private TlsKeys(
      KeySource source, InstantSource clock, ReloadingKeyManager manager, List<byte[]> seen) {
    this.source = source;
    this.clock = clock;
    this.manager = manager;
    this.seen = seen;
  }

  /**
   * Reads the key and logs what it is.
   *
   * @throws TlsKeyException with what is wrong
   */
  public static TlsKeys open(KeySource source, InstantSource clock) throws IOException {
    List<byte[]> contents = source.read();
    KeyMaterial material = load(source, contents);
    TlsKeys keys = new TlsKeys(source, clock, new ReloadingKeyManager(material), contents);
    keys.report(material);
    return keys;
  }

  /**
   * A server's side of TLS.
   *
   * @param applicationProtocols offered by ALPN, the preferred one first
   */
  public SslContext serverContext(List<String> applicationProtocols) throws SSLException {
    return SslContextBuilder.forServer(manager)
        .sslProvider(SslProvider.JDK)
        .protocols(PROTOCOLS)
        .ciphers(CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
        .applicationProtocolConfig(
            new ApplicationProtocolConfig(
                Protocol.ALPN,
                SelectorFailureBehavior.NO_ADVERTISE,
                SelectedListenerFailureBehavior.ACCEPT,
                applicationProtocols))
        .build();
  }

  /**
   * Takes a new key if the files have changed and hold one; otherwise the old one stays, and the
   * reason is logged once. Reads files. One thread at a time.
   */
  public synchronized void reloadIfChanged() {
    try {
      List<byte[]> contents = source.read();
      if (same(contents, seen)) {
        return;
      }
      KeyMaterial material = load(source, contents);
      manager.replace(material);
      seen = contents;
      lastFailure = "";
      LOGGER.info("The TLS key has changed; new connections use the new one");
      report(material);
    } catch (IOException e) {
      if (!lastFailure.equals(e.getMessage())) {
        lastFailure = e.getMessage();
        LOGGER.error("The TLS key cannot be exchanged, the old one stays: {}", e.getMessage());
      }
    }
  }

  /** Whether there are files that can change. */
  public boolean canChange() {
    return !source.files().isEmpty();
  }

  private static KeyMaterial load(KeySource source, List<byte[]> contents) throws IOException {
    KeyMaterial material = source.load(contents);
    if (!material.matches()) {
      int last = source.files().size() - 1;
      throw new TlsKeyException(
          source.what(last)
              + ": the first certificate is not that of the key in "
              + source.what(0));
    }
    return material;
  }

  private void report(KeyMaterial material) {
    LOGGER.info("TLS certificate: {}", material.describe());
    material.warnings(clock.instant()).forEach(LOGGER::warn);
    if (source instanceof KeySource.SelfSigned) {
      LOGGER.warn(
          "The TLS certificate is self-signed, made for this start: clients cannot tell this server"
              + " from another one unless they compare the fingerprint. SHA-256 {}",
          material.fingerprint());
    }
  }

  private static boolean same(List<byte[]> one, List<byte[]> other) {
    for (int i = 0; i < one.size(); i++) {
      if (!Arrays.equals(one.get(i), other.get(i))) {
        return false;
      }
    }
    return true;
  }
}
