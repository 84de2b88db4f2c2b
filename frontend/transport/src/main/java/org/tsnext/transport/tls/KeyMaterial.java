package org.tsnext.transport.tls;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * A private key and the certificates that go with it.
 *
 * @param chain the key's own certificate first
 */
record KeyMaterial(PrivateKey key, List<X509Certificate> chain) {
  private static final byte[] SAMPLE = {1, 2, 3};

  KeyMaterial {
    chain = List.copyOf(chain);
  }

  X509Certificate certificate() {
    return chain.get(0);
  }

  /** Whether the certificate is the key's. */
  boolean matches() {
    try {
      Signature signature = Signature.getInstance(signatureAlgorithm());
      signature.initSign(key);
      signature.update(SAMPLE);
      byte[] signed = signature.sign();
      signature.initVerify(certificate().getPublicKey());
      signature.update(SAMPLE);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private String signatureAlgorithm() {
    return switch (key.getAlgorithm()) {
      case "RSA" -> "SHA256withRSA";
      case "EC" -> "SHA256withECDSA";
      default -> key.getAlgorithm();
    };
  }

  /** Certificates outside their time, in words. */
  List<String> warnings(Instant now) {
    List<String> warnings = new ArrayList<>();
    for (X509Certificate certificate : chain) {
      String name = certificate.getSubjectX500Principal().getName();
      if (now.isAfter(certificate.getNotAfter().toInstant())) {
        warnings.add(
            "The TLS certificate of %s expired on %s: clients will refuse it"
                .formatted(name, certificate.getNotAfter().toInstant()));
      } else if (now.isBefore(certificate.getNotBefore().toInstant())) {
        warnings.add(
            "The TLS certificate of %s is not valid before %s: clients will refuse it"
                .formatted(name, certificate.getNotBefore().toInstant()));
      }
    }
    return warnings;
  }

  /** SHA-256 of the certificate, as browsers and {@code openssl x509 -fingerprint} show it. */
  String fingerprint() {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate().getEncoded());
      return HexFormat.ofDelimiter(":").formatHex(digest).toUpperCase(Locale.ROOT);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Subject, key, end and fingerprint in a line. */
  String describe() {
    return "%s, %s key, valid until %s, SHA-256 %s"
        .formatted(
            certificate().getSubjectX500Principal().getName(),
            key.getAlgorithm(),
            certificate().getNotAfter().toInstant(),
            fingerprint());
  }
}
