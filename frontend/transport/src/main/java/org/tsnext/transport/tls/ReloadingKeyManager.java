package org.tsnext.transport.tls;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * Gives TLS its key, which may be exchanged at any time: handshakes that have begun end with the
 * key they began with. Any thread.
 */
final class ReloadingKeyManager extends X509ExtendedKeyManager {

  /** A key and its number, which its aliases begin with. */
  private record Generation(String prefix, X509ExtendedKeyManager keys) {}

  private volatile Generation current;
  private volatile Generation previous;
  private int number;

  ReloadingKeyManager(KeyMaterial first) throws TlsKeyException {
    replace(first);
  }

  /** New handshakes use this key. */
  synchronized void replace(KeyMaterial material) throws TlsKeyException {
    Generation next = new Generation(++number + ":", keyManager(material));
    previous = current;
    current = next;
  }

  private static X509ExtendedKeyManager keyManager(KeyMaterial material) throws TlsKeyException {
    try {
      char[] none = new char[0];
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, none);
      store.setKeyEntry(
          "key", material.key(), none, material.chain().toArray(X509Certificate[]::new));
      KeyManagerFactory factory =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(store, none);
      return (X509ExtendedKeyManager) factory.getKeyManagers()[0];
    } catch (GeneralSecurityException | IOException e) {
      throw new TlsKeyException("the TLS key cannot be used: " + e.getMessage(), e);
    }
  }

  @Override
  public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
    Generation generation = current;
    String alias = generation.keys().chooseEngineServerAlias(keyType, issuers, engine);
    return alias == null ? null : generation.prefix() + alias;
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    Generation generation = of(alias);
    return generation.keys().getCertificateChain(own(alias, generation));
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    Generation generation = of(alias);
    return generation.keys().getPrivateKey(own(alias, generation));
  }

  private Generation of(String alias) {
    Generation before = previous;
    return before != null && alias.startsWith(before.prefix()) ? before : current;
  }

  private static String own(String alias, Generation generation) {
    return alias.startsWith(generation.prefix())
        ? alias.substring(generation.prefix().length())
        : alias;
  }

  @Override
  public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
    return chooseEngineServerAlias(keyType, issuers, null);
  }

  @Override
  public String[] getServerAliases(String keyType, Principal[] issuers) {
    String alias = chooseEngineServerAlias(keyType, issuers, null);
    return alias == null ? null : new String[] {alias};
  }

  @Override
  public String[] getClientAliases(String keyType, Principal[] issuers) {
    return null;
  }

  @Override
  public String chooseClientAlias(String[] keyType, Principal[] issuers, Socket socket) {
    return null;
  }
}
