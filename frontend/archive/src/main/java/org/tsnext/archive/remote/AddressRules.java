package org.tsnext.archive.remote;

import java.net.InetAddress;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which addresses downloads may connect to: public ones, and what the operator has opened. */
final class AddressRules {

  private static final Logger LOGGER = LoggerFactory.getLogger(AddressRules.class);

  private final List<PrivateHost> allowed;

  AddressRules(List<PrivateHost> allowed) {
    this.allowed = List.copyOf(allowed);
  }

  /**
   * Refuses a host unless every one of its addresses may be connected to. A name with a public and
   * a private address is one that an attacker controls.
   *
   * @param vouchedFor whether the operator named this very host and port for this download
   */
  void check(ModelUrl url, List<InetAddress> addresses, boolean vouchedFor)
      throws RefusedUrlException {
    for (InetAddress address : addresses) {
      if (!isAllowed(url, address, vouchedFor)) {
        // The address goes to the log alone: a caller must not learn what names mean in here.
        LOGGER.warn(
            "Refused to connect to {}: {} is not a public address, and allowed_private_hosts does"
                + " not open it",
            url.shown(),
            address.getHostAddress());
        throw new RefusedUrlException(
            "its host "
                + url.host()
                + " is at an address that is not public (private, loopback, link-local or"
                + " reserved); the setting allowed_private_hosts opens such hosts");
      }
    }
  }

  private boolean isAllowed(ModelUrl url, InetAddress address, boolean vouchedFor) {
    return vouchedFor
        || SpecialAddresses.isPublic(address)
        || allowed.stream()
            .anyMatch(entry -> entry.allows(url.host(), url.effectivePort(), address));
  }
}
