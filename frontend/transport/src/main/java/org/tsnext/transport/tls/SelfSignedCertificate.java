package org.tsnext.transport.tls;

import static org.tsnext.transport.tls.Der.element;
import static org.tsnext.transport.tls.Der.oid;
import static org.tsnext.transport.tls.Der.sequence;

import io.netty.util.NetUtil;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/** Makes a key and a certificate that is signed with itself. Neither touches a file. */
final class SelfSignedCertificate {
  private static final Duration LIFE = Duration.ofDays(90);
  private static final Duration CLOCK_SKEW = Duration.ofDays(1);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static final byte[] ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
  private static final byte[] CRITICAL = element(Der.BOOLEAN, new byte[] {(byte) 0xff});
  private static final int DNS_NAME = 0x82;
  private static final int IP_ADDRESS = 0x87;

  private SelfSignedCertificate() {}

  /**
   * Makes an EC key (P-256) and its certificate, valid for 90 days.
   *
   * @param hosts names and addresses that it is for, the subject first
   */
  static KeyMaterial make(List<String> hosts) throws TlsKeyException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      byte[] toBeSigned = toBeSigned(pair, hosts, Instant.now());
      Signature signature = Signature.getInstance("SHA256withECDSA");
      signature.initSign(pair.getPrivate());
      signature.update(toBeSigned);
      byte[] certificate = sequence(toBeSigned, ECDSA_WITH_SHA256, Der.bits(signature.sign()));
      return new KeyMaterial(
          pair.getPrivate(),
          List.of(
              (X509Certificate)
                  CertificateFactory.getInstance("X.509")
                      .generateCertificate(new ByteArrayInputStream(certificate))));
    } catch (GeneralSecurityException e) {
      throw new TlsKeyException("cannot make a self-signed certificate: " + e.getMessage(), e);
    }
  }

  private static byte[] toBeSigned(KeyPair pair, List<String> hosts, Instant now)
      throws GeneralSecurityException {
    byte[] name = sequence(element(Der.SET, sequence(oid("2.5.4.3"), Der.utf8(hosts.get(0)))));
    return sequence(
        element(Der.explicit(0), Der.integer(2)),
        Der.integer(new BigInteger(126, new SecureRandom()).setBit(126)),
        ECDSA_WITH_SHA256,
        name,
        sequence(time(now.minus(CLOCK_SKEW)), time(now.plus(LIFE))),
        name,
        pair.getPublic().getEncoded(),
        element(Der.explicit(3), extensions(pair, hosts)));
  }

  /** Also an authority, so that it can be given to clients as the one they trust. */
  private static byte[] extensions(KeyPair pair, List<String> hosts)
      throws GeneralSecurityException {
    byte[] names =
        element(
            Der.SEQUENCE,
            hosts.stream().map(SelfSignedCertificate::generalName).toArray(byte[][]::new));
    byte[] keyId = MessageDigest.getInstance("SHA-1").digest(pair.getPublic().getEncoded());
    byte[] digitalSignatureAndCertificates = {2, (byte) 0x84};
    return sequence(
        extension("2.5.29.17", new byte[0], names),
        extension("2.5.29.19", CRITICAL, sequence(element(Der.BOOLEAN, new byte[] {(byte) 0xff}))),
        extension("2.5.29.15", CRITICAL, element(Der.BIT_STRING, digitalSignatureAndCertificates)),
        extension("2.5.29.14", new byte[0], element(Der.OCTET_STRING, keyId)));
  }

  private static byte[] extension(String oid, byte[] critical, byte[] value) {
    return sequence(oid(oid), critical, element(Der.OCTET_STRING, value));
  }

  private static byte[] generalName(String host) {
    byte[] address = NetUtil.createByteArrayFromIpAddressString(host);
    return address != null
        ? element(IP_ADDRESS, address)
        : element(DNS_NAME, host.getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] time(Instant instant) {
    return element(Der.GENERALIZED_TIME, TIME.format(instant).getBytes(StandardCharsets.US_ASCII));
  }
}
