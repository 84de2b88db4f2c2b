package org.tsnext.archive.remote;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.tsnext.archive.remote.HttpGet.Outcome;

/**
 * Follows a URL to an archive. Each hop is checked as the first one: the URL against the allowed
 * ones, every address of its host against the rules, and then that very address is connected to.
 */
final class Downloader {

  private static final int MAX_REDIRECTIONS = 5;

  private final AllowedUrls allowedUrls;
  private final AddressRules addressRules;
  private final Network network;
  private final HttpGet get;
  private final DownloadLimits limits;
  private final LongSupplier nanoTime;

  Downloader(
      AllowedUrls allowedUrls,
      AddressRules addressRules,
      Network network,
      HttpGet get,
      DownloadLimits limits,
      LongSupplier nanoTime) {
    this.allowedUrls = allowedUrls;
    this.addressRules = addressRules;
    this.network = network;
    this.get = get;
    this.limits = limits;
    this.nanoTime = nanoTime;
  }

  /** A first request that may be sent, its URL having been allowed. */
  record Request(ModelUrl url, Map<String, String> headers, boolean vouchedFor) {}

  /**
   * Fetches into {@code file}.
   *
   * @param trusted whether the operator named the URL: then redirections need not match
   *     allowed_urls, but keep to public addresses
   */
  void fetch(Request first, boolean trusted, StagedFile file)
      throws RefusedUrlException, DownloadException {
    long deadlineNanos = nanoTime.getAsLong() + limits.totalTimeout().toNanos();
    ModelUrl url = first.url();
    Map<String, String> headers = first.headers();
    for (int hop = 0; hop <= MAX_REDIRECTIONS; hop++) {
      boolean vouchedFor = first.vouchedFor() && url.authority().equals(first.url().authority());
      List<InetAddress> addresses = resolve(url);
      addressRules.check(url, addresses, vouchedFor);
      Outcome outcome = get.run(url, addresses, headers, file, deadlineNanos);
      if (!(outcome instanceof Outcome.Redirected redirected)) {
        return;
      }
      if (!headers.isEmpty()) {
        throw new DownloadException(
            "the server redirects a signed request; is AWS_DEFAULT_REGION the bucket's region?");
      }
      url = next(url, redirected.location(), trusted);
    }
    throw new DownloadException("more than " + MAX_REDIRECTIONS + " redirections");
  }

  private List<InetAddress> resolve(ModelUrl url) throws DownloadException {
    try {
      return network.resolve(HostName.unbracketed(url.host()));
    } catch (UnknownHostException e) {
      throw new DownloadException("the host " + url.host() + " is not known", e);
    }
  }

  private ModelUrl next(ModelUrl from, String location, boolean trusted)
      throws RefusedUrlException {
    ModelUrl url;
    try {
      url = from.resolve(location);
    } catch (UrlSyntaxException e) {
      throw new RefusedUrlException("it redirects to a URL that is not allowed: " + e.getMessage());
    }
    if (!url.scheme().equals("https") && !(url.scheme().equals("http") && isHttp(from))) {
      throw new RefusedUrlException(
          "it redirects from " + from.scheme() + " to " + url.scheme() + ", which is not allowed");
    }
    if (!trusted && !allowedUrls.allows(url.text())) {
      throw new RefusedUrlException(
          "it redirects to "
              + url.scheme()
              + "://"
              + url.authority()
              + ", where the URL does not match any of allowed_urls");
    }
    return url;
  }

  private static boolean isHttp(ModelUrl url) {
    return url.scheme().equals("http");
  }
}
