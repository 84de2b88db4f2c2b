package org.tsnext.core.access;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Keeps web pages of other origins from using a listener through the browser of someone who reaches
 * it. Browsers say which page asks, by {@code Origin} and {@code Sec-Fetch-Site}, and pages cannot
 * change that; other programs send neither, and are not concerned. Immutable, any thread.
 *
 * <p>A foreign page changes nothing. Where a listener is on loopback and asks for no token, it may
 * not even ask, since being on this machine is all that the caller has to show; it may still lead
 * the reader there, as any link does.
 */
public final class OriginCheck {

  private static final int MAX_SHOWN = 100;
  private static final List<String> OWN_SITES = List.of("same-origin", "none");

  private final AllowedPages allowed;
  private final HostNames hosts;
  private final String scheme;
  private final boolean guardsAll;

  /**
   * Makes the check of a listener.
   *
   * @param boundHost of the listener; empty if it has none
   * @param tls whether it speaks TLS
   * @param open whether it asks for no token
   */
  public OriginCheck(AllowedPages allowed, String boundHost, boolean tls, boolean open) {
    this.allowed = Objects.requireNonNull(allowed, "allowed");
    this.hosts = new HostNames(allowed.hosts(), boundHost);
    this.scheme = tls ? "https://" : "http://";
    this.guardsAll = open && Loopback.isLoopback(boundHost);
  }

  /**
   * What a browser says about a request.
   *
   * @param origins values of {@code Origin}
   * @param sites values of {@code Sec-Fetch-Site}
   * @param navigates whether the reader goes there, in the whole window, see {@link
   *     #navigates(String, String)}
   * @param host that the request names, with its port; empty if it names none
   */
  public record Page(List<String> origins, List<String> sites, boolean navigates, String host) {
    public Page {
      origins = List.copyOf(origins);
      sites = List.copyOf(sites);
      Objects.requireNonNull(host, "host");
    }

    /** What {@code Sec-Fetch-Mode} and {@code Sec-Fetch-Dest}, or null, say of a navigation. */
    public static boolean navigates(String mode, String destination) {
      return "navigate".equals(mode) && (destination == null || destination.equals("document"));
    }
  }

  /**
   * Lets a request pass, or throws.
   *
   * @param changes whether it changes something or runs a handler
   * @throws ServingException ORIGIN_REFUSED, saying what to set
   */
  public void require(Page page, boolean changes) {
    if (!changes && (!guardsAll || page.navigates())) {
      return;
    }
    if (!isOwn(page) && !isAllowed(page)) {
      throw new ServingException(
          ErrorKind.ORIGIN_REFUSED,
          "The request comes from a web page of another origin ("
              + shown(page)
              + "). List its origin in cors_allowed_origin, or its host in allowed_hosts, to let"
              + " such pages use this server.");
    }
  }

  /** What a browser says of the site is the truth, also behind proxies that change the host. */
  private boolean isOwn(Page page) {
    if (guardsAll && !hosts.isOurs(page.host())) {
      return false;
    }
    if (!page.sites().isEmpty()) {
      return OWN_SITES.containsAll(page.sites());
    }
    String own = normal(scheme + page.host());
    return page.origins().stream().allMatch(origin -> normal(origin).equals(own));
  }

  private boolean isAllowed(Page page) {
    return hosts.any()
        || allowed.origins().contains("*")
        || (!page.origins().isEmpty() && page.origins().stream().allMatch(this::isListed));
  }

  private boolean isListed(String origin) {
    int host = origin.indexOf("://") + 3;
    return allowed.origins().contains(origin.toLowerCase(Locale.ROOT))
        || (host > 2 && hosts.isAllowed(origin.substring(host)));
  }

  /** Without the default port of its scheme, which browsers leave out. */
  private static String normal(String origin) {
    String lower = origin.toLowerCase(Locale.ROOT);
    String port = lower.startsWith("https://") ? ":443" : ":80";
    return lower.endsWith(port) ? lower.substring(0, lower.length() - port.length()) : lower;
  }

  private static String shown(Page page) {
    String site =
        page.sites().isEmpty() ? "" : "Sec-Fetch-Site: " + String.join(", ", page.sites());
    if (page.origins().isEmpty()) {
      return cut(site);
    }
    String origin = cut("Origin: " + String.join(", ", page.origins()));
    return site.isEmpty() ? origin : origin + ", " + cut(site);
  }

  private static String cut(String text) {
    return text.length() > MAX_SHOWN ? text.substring(0, MAX_SHOWN) + "..." : text;
  }
}
