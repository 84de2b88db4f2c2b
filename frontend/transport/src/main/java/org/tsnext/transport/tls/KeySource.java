package org.tsnext.transport.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.PrivateKey;
import java.security.UnrecoverableKeyException;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Where the TLS key and its certificates come from. */
public sealed interface KeySource {

  /** The files it reads; a change of one of them is a new key. */
  List<Path> files();

  /** Makes a key of what was read. Does not check that key and certificate belong together. */
  KeyMaterial load(List<byte[]> contents) throws IOException;

  /** The name of the setting that leads to a file, for messages. */
  default String what(int file) {
    return files().get(file).toString();
  }

  /** Reads all files. */
  default List<byte[]> read() throws TlsKeyException {
    List<byte[]> contents = new ArrayList<>();
    for (int i = 0; i < files().size(); i++) {
      contents.add(TlsKeyFile.read(what(i), files().get(i)));
    }
    return contents;
  }

  /**
   * A key and a chain in PEM files.
   *
   * @param passphrase of the key, if it is encrypted
   */
  record PemFiles(Path key, Path certificate, Optional<PasswordSource> passphrase)
      implements KeySource {
    @Override
    public List<Path> files() {
      return List.of(key, certificate);
    }

    @Override
    public String what(int file) {
      return file == 0 ? "private_key_file " + key : "certificate_file " + certificate;
    }

    @Override
    public KeyMaterial load(List<byte[]> contents) throws IOException {
      PrivateKey privateKey = PrivateKeyReader.read(what(0), contents.get(0), passphrase);
      return new KeyMaterial(privateKey, certificates(contents.get(1)));
    }

    private List<X509Certificate> certificates(byte[] file) throws TlsKeyException {
      List<X509Certificate> chain = new ArrayList<>();
      try {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        for (Pem.Block block : Pem.blocks(file)) {
          if (block.label().endsWith("CERTIFICATE")) {
            chain.add(
                (X509Certificate)
                    factory.generateCertificate(new ByteArrayInputStream(block.der())));
          }
        }
      } catch (CertificateException | IllegalArgumentException e) {
        throw new TlsKeyException(
            what(1) + ": certificate " + (chain.size() + 1) + " is damaged: " + e.getMessage(), e);
      }
      if (chain.isEmpty()) {
        throw new TlsKeyException(
            what(1) + ": no certificate in it, expected PEM, -----BEGIN CERTIFICATE-----");
      }
      return chain;
    }
  }

  /** A key store; the first key in it counts. */
  record KeyStoreFile(Path path, String type, PasswordSource password) implements KeySource {
    @Override
    public List<Path> files() {
      return List.of(path);
    }

    @Override
    public String what(int file) {
      return "keystore " + path;
    }

    @Override
    public KeyMaterial load(List<byte[]> contents) throws IOException {
      char[] characters = password.read().toCharArray();
      try {
        KeyStore store = KeyStore.getInstance(type);
        store.load(new ByteArrayInputStream(contents.get(0)), characters);
        for (String alias : Collections.list(store.aliases())) {
          if (store.isKeyEntry(alias)) {
            return material(store, alias, characters);
          }
        }
      } catch (UnrecoverableKeyException e) {
        throw wrongPassword(e);
      } catch (GeneralSecurityException e) {
        throw new TlsKeyException(what(0) + ": " + e.getMessage(), e);
      } catch (IOException e) {
        if (e.getCause() instanceof UnrecoverableKeyException) {
          throw wrongPassword(e);
        }
        throw new TlsKeyException(
            what(0) + ": not a key store of keystore_type=" + type + ": " + e.getMessage(), e);
      }
      throw new TlsKeyException(what(0) + ": no private key in it, only certificates");
    }

    private KeyMaterial material(KeyStore store, String alias, char[] characters)
        throws GeneralSecurityException, TlsKeyException {
      Key key = store.getKey(alias, characters);
      Certificate[] chain = store.getCertificateChain(alias);
      if (!(key instanceof PrivateKey privateKey) || chain == null || chain.length == 0) {
        throw new KeyStoreException("the entry " + alias + " is not a private key with a chain");
      }
      List<X509Certificate> certificates = new ArrayList<>();
      for (Certificate certificate : chain) {
        certificates.add((X509Certificate) certificate);
      }
      return new KeyMaterial(privateKey, certificates);
    }

    private TlsKeyException wrongPassword(Exception cause) {
      return new TlsKeyException(
          what(0) + ": keystore_pass does not open the store, or its key, which must have the same",
          cause);
    }
  }

  /**
   * A key made for this process, with a self-signed certificate.
   *
   * @param hosts names and addresses that the certificate is for
   */
  record SelfSigned(List<String> hosts) implements KeySource {
    public SelfSigned {
      hosts = List.copyOf(hosts);
    }

    @Override
    public List<Path> files() {
      return List.of();
    }

    @Override
    public KeyMaterial load(List<byte[]> contents) throws IOException {
      return SelfSignedCertificate.make(hosts);
    }
  }
}
