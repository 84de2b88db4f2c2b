package org.tsnext.core.access;

import java.util.List;
import java.util.Locale;

/**
 * The names by which clients may call this server. Addresses, names without a dot, and names that
 * are never given to the public are its own: no stranger can have them. Immutable, any thread.
 */
public final class HostNames {

  private static final List<String> PRIVATE = List.of(".localhost", ".svc", ".cluster.local");

  /** By which SageMaker calls its containers. As for names without a dot, no DNS has it. */
  private static final String SAGEMAKER = "model.aws.local";

  private final List<String> allowed;
  private final String boundHost;

  /**
   * Makes the names of a listener.
   *
   * @param allowed by the operator, in lower case; one that starts with a dot stands for all below
   *     it; {@code *} for all there are
   * @param boundHost the listener's own; empty if it has none
   */
  public HostNames(List<String> allowed, String boundHost) {
    this.allowed = List.copyOf(allowed);
    this.boundHost = boundHost.toLowerCase(Locale.ROOT);
  }

  /** Whether no name is refused. */
  public boolean any() {
    return allowed.contains("*");
  }

  /**
   * Whether {@code host} cannot be a stranger's.
   *
   * @param host with or without a port
   */
  public boolean isOurs(String host) {
    if (host.isEmpty() || host.charAt(0) == '[') {
      return true;
    }
    String name = withoutPort(host);
    if (name.indexOf('.') < 0 || isIpv4(name)) {
      return true;
    }
    String plain = plain(name);
    return plain.equals(boundHost)
        || plain.equals(SAGEMAKER)
        || PRIVATE.stream().anyMatch(plain::endsWith)
        || isListed(plain);
  }

  /**
   * Whether the operator lists {@code host}.
   *
   * @param host with or without a port
   */
  public boolean isAllowed(String host) {
    return any() || isListed(plain(withoutPort(host)));
  }

  private boolean isListed(String name) {
    for (String entry : allowed) {
      if (entry.startsWith(".") ? name.endsWith(entry) : name.equals(entry)) {
        return true;
      }
    }
    return false;
  }

  private static String withoutPort(String host) {
    if (host.startsWith("[")) {
      return host.substring(0, host.indexOf(']') + 1);
    }
    int colon = host.lastIndexOf(':');
    return colon < 0 ? host : host.substring(0, colon);
  }

  /** In lower case, without the dot that may end a name. */
  private static String plain(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
  }

  private static boolean isIpv4(String name) {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }
}
