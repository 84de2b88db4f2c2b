package org.tsnext.transport.tls;

import java.io.IOException;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import java.util.Optional;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/** Reads private keys as tools write them: PKCS#8, encrypted or not, PKCS#1 (RSA) and SEC1 (EC). */
final class PrivateKeyReader {
  private static final String RSA = "1.2.840.113549.1.1.1";
  private static final String EC = "1.2.840.10045.2.1";
  private static final String PBES2 = "1.2.840.113549.1.5.13";
  private static final List<String> ALGORITHMS = List.of("RSA", "EC", "EdDSA");

  private PrivateKeyReader() {}

  /**
   * Reads the first private key of a PEM file.
   *
   * @param what the file, for messages
   */
  static PrivateKey read(String what, byte[] file, Optional<PasswordSource> passphrase)
      throws IOException {
    try {
      for (Pem.Block block : Pem.blocks(file)) {
        if (block.label().endsWith("PRIVATE KEY")) {
          return key(what, pkcs8(what, block, passphrase));
        }
      }
    } catch (IllegalArgumentException e) {
      throw new TlsKeyException(what + ": the key is damaged: " + e.getMessage(), e);
    }
    throw new TlsKeyException(
        what + ": no private key in it, expected PEM, -----BEGIN PRIVATE KEY----- or its like");
  }

  private static PKCS8EncodedKeySpec pkcs8(
      String what, Pem.Block block, Optional<PasswordSource> passphrase) throws IOException {
    if (block.hasHeaders()) {
      throw new TlsKeyException(
          what
              + ": the key is encrypted in the old form of PEM, expected PKCS#8: convert it with"
              + " openssl pkcs8 -topk8 -v2 aes256 -in <old> -out <new>");
    }
    byte[] der = block.der();
    return switch (block.label()) {
      case "PRIVATE KEY" -> new PKCS8EncodedKeySpec(der);
      case "ENCRYPTED PRIVATE KEY" -> decrypted(what, der, passphrase);
      case "RSA PRIVATE KEY" -> wrapped(RSA, Der.element(Der.NULL), der);
      case "EC PRIVATE KEY" -> {
        byte[] curve = Der.find(der, Der.explicit(0));
        if (curve == null) {
          throw new TlsKeyException(what + ": the EC key does not name its curve");
        }
        yield wrapped(EC, curve, der);
      }
      default ->
          throw new TlsKeyException(
              what
                  + ": "
                  + block.label()
                  + " is not supported, expected an RSA, EC or Ed25519 key");
    };
  }

  private static PKCS8EncodedKeySpec wrapped(String algorithm, byte[] parameters, byte[] key) {
    return new PKCS8EncodedKeySpec(
        Der.sequence(
            Der.integer(0),
            Der.sequence(Der.oid(algorithm), parameters),
            Der.element(Der.OCTET_STRING, key)));
  }

  private static PKCS8EncodedKeySpec decrypted(
      String what, byte[] der, Optional<PasswordSource> passphrase) throws IOException {
    if (passphrase.isEmpty()) {
      throw new TlsKeyException(
          what
              + ": the key is encrypted and private_key_pass is not set, expected file:<path> or"
              + " env:<variable> with its passphrase");
    }
    char[] characters = passphrase.get().read().toCharArray();
    EncryptedPrivateKeyInfo info = new EncryptedPrivateKeyInfo(der);
    AlgorithmParameters parameters = info.getAlgParameters();
    boolean pbes2 = info.getAlgName().equals("PBES2") || info.getAlgName().equals(PBES2);
    // The JDK names a PBES2 scheme by the text of its parameters.
    String scheme = pbes2 && parameters != null ? parameters.toString() : info.getAlgName();
    try {
      SecretKey secret =
          SecretKeyFactory.getInstance(scheme).generateSecret(new PBEKeySpec(characters));
      Cipher cipher = Cipher.getInstance(scheme);
      cipher.init(Cipher.DECRYPT_MODE, secret, parameters);
      return info.getKeySpec(cipher);
    } catch (NoSuchAlgorithmException e) {
      throw new TlsKeyException(
          what + ": the key is encrypted with " + scheme + ", which is not supported: expected AES",
          e);
    } catch (GeneralSecurityException e) {
      throw new TlsKeyException(what + ": private_key_pass does not open the encrypted key", e);
    }
  }

  private static PrivateKey key(String what, PKCS8EncodedKeySpec encoded) throws TlsKeyException {
    for (String algorithm : ALGORITHMS) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
      } catch (InvalidKeySpecException | NoSuchAlgorithmException e) {
        // Another algorithm's, perhaps.
      }
    }
    throw new TlsKeyException(
        what + ": the key is damaged or of another kind, expected RSA, EC or Ed25519");
  }
}
