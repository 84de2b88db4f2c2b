package org.tsnext.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.Settings;
import org.tsnext.transport.tls.KeySource;
import org.tsnext.transport.tls.PasswordSource;
import org.tsnext.transport.tls.TlsKeys;

/** Makes the server's TLS key of its settings. */
final class TlsSettings {
  private static final List<SettingKey<String>> PASSWORDS =
      List.of(ListenerKeys.KEYSTORE_PASS, ListenerKeys.PRIVATE_KEY_PASS);

  private final Settings settings;
  private final Map<String, String> environment;

  /**
   * @param environment the process's own, where passwords may be
   */
  TlsSettings(Settings settings, Map<String, String> environment) {
    this.settings = settings;
    this.environment = environment;
  }

  /** Reads the key, if a listener needs one. */
  Optional<TlsKeys> open(InstantSource clock) throws StartException {
    if (tlsHosts().isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(TlsKeys.open(source(), clock));
    } catch (IOException e) {
      throw new StartException("Cannot set up TLS: " + e.getMessage(), e);
    }
  }

  private KeySource source() {
    Optional<Path> keystore = settings.find(ListenerKeys.KEYSTORE);
    if (keystore.isPresent()) {
      return new KeySource.KeyStoreFile(
          keystore.get(),
          settings.get(ListenerKeys.KEYSTORE_TYPE),
          password(ListenerKeys.KEYSTORE_PASS).orElseThrow());
    }
    Optional<Path> key = settings.find(ListenerKeys.PRIVATE_KEY_FILE);
    if (key.isPresent()) {
      return new KeySource.PemFiles(
          key.get(),
          settings.find(ListenerKeys.CERTIFICATE_FILE).orElseThrow(),
          password(ListenerKeys.PRIVATE_KEY_PASS));
    }
    return new KeySource.SelfSigned(selfSignedHosts());
  }

  private Optional<PasswordSource> password(SettingKey<String> key) {
    return settings.find(key).map(text -> PasswordSource.of(key.name(), text, environment));
  }

  private List<String> tlsHosts() {
    List<String> hosts = new ArrayList<>();
    for (SettingKey<ListenAddress> key : ListenerKeys.opened(settings)) {
      if (settings.get(key) instanceof ListenAddress.Tcp tcp && tcp.tls()) {
        hosts.add(tcp.host());
      }
    }
    hosts.addAll(GrpcSettingsFactory.tlsHosts(settings));
    return hosts;
  }

  private List<String> selfSignedHosts() {
    Set<String> hosts = new LinkedHashSet<>(List.of("localhost", "127.0.0.1", "::1"));
    hosts.addAll(tlsHosts());
    try {
      hosts.add(InetAddress.getLocalHost().getHostName());
    } catch (UnknownHostException e) {
      // Then clients do not know it by that name either.
    }
    return List.copyOf(hosts);
  }

  /** What a start should say about the passwords. */
  static List<String> warnings(Settings settings) {
    List<String> warnings = new ArrayList<>();
    for (SettingKey<String> key : PASSWORDS) {
      boolean inFile = settings.source(key).kind() == Settings.Source.Kind.FILE;
      if (inFile && settings.find(key).filter(PasswordSource::isPlain).isPresent()) {
        warnings.add(
            "%s stands in plain text in %s: any reader of that file has the password. Better: %s=file:<path> or env:<variable>."
                .formatted(key.name(), settings.source(key).name(), key.name()));
      }
    }
    return warnings;
  }

  /** Environment variables that passwords are in, as the settings say. */
  static Set<String> referredVariables(Settings settings) {
    Set<String> variables = new HashSet<>();
    for (SettingKey<String> key : PASSWORDS) {
      settings.find(key).flatMap(PasswordSource::variable).ifPresent(variables::add);
    }
    return variables;
  }
}
