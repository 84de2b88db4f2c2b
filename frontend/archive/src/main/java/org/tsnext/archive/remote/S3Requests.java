package org.tsnext.archive.remote;

import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * Turns {@code s3://bucket/key}, and URLs that are to be signed, into requests with a signature.
 * The credentials, the region and another endpoint come from the usual {@code AWS_*} variables.
 */
final class S3Requests {

  private final Map<String, String> environment;
  private final Clock clock;

  /**
   * @param environment the server's own
   * @param clock of the wall, which signatures hold
   */
  S3Requests(Map<String, String> environment, Clock clock) {
    this.environment = Map.copyOf(environment);
    this.clock = clock;
  }

  /**
   * A request that is ready to be sent.
   *
   * @param vouchedFor whether its host is the endpoint that the operator set
   */
  record Signed(ModelUrl url, Map<String, String> headers, boolean vouchedFor) {}

  /**
   * @throws DownloadException if the environment lacks something or the URL is not one to sign
   */
  Signed sign(ModelUrl url) throws DownloadException {
    AwsCredentials credentials = AwsCredentials.from(environment);
    Optional<ModelUrl> endpoint = endpoint();
    ModelUrl target = url.scheme().equals("s3") ? locate(url, endpoint, credentials) : url;
    boolean atEndpoint =
        endpoint.filter(own -> own.authority().equals(target.authority())).isPresent();
    if (!atEndpoint && !isAws(target)) {
      // A signature, and a session token with it, is for AWS alone.
      throw new DownloadException(
          "only https URLs of amazonaws.com, or of the endpoint in AWS_ENDPOINT_URL_S3, are signed;"
              + " its host is "
              + target.authority());
    }
    String path = AwsEncoding.path(target.path());
    String query = AwsEncoding.query(target.query());
    Map<String, String> headers =
        new AwsSigner(credentials).sign(target.authority(), path, query, Map.of(), clock.instant());
    ModelUrl encoded =
        new ModelUrl(
            target.scheme(),
            target.host(),
            target.port(),
            path,
            query.isEmpty() ? "" : "?" + query);
    return new Signed(encoded, headers, atEndpoint);
  }

  private static ModelUrl locate(
      ModelUrl url, Optional<ModelUrl> endpoint, AwsCredentials credentials) {
    String bucket = url.host();
    if (endpoint.isPresent()) {
      ModelUrl own = endpoint.get();
      String base = own.path().endsWith("/") ? own.path() : own.path() + "/";
      return new ModelUrl(own.scheme(), own.host(), own.port(), base + bucket + url.path(), "");
    }
    String suffix = credentials.region().startsWith("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    String service = "s3." + credentials.region() + suffix;
    // The certificates of S3 stand for one label before the service's name.
    return bucket.indexOf('.') < 0
        ? new ModelUrl("https", bucket + "." + service, OptionalInt.empty(), url.path(), "")
        : new ModelUrl("https", service, OptionalInt.empty(), "/" + bucket + url.path(), "");
  }

  private Optional<ModelUrl> endpoint() throws DownloadException {
    Optional<String> text =
        Stream.of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
            .map(environment::get)
            .filter(value -> value != null && !value.isBlank())
            .findFirst();
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      ModelUrl url = ModelUrl.parse(text.get());
      if (url.scheme().startsWith("http") && url.query().isEmpty()) {
        return Optional.of(url);
      }
    } catch (UrlSyntaxException e) {
      throw new DownloadException("AWS_ENDPOINT_URL_S3 is not a URL: " + e.getMessage(), e);
    }
    throw new DownloadException("AWS_ENDPOINT_URL_S3 is not an http or https URL without a query");
  }

  private static boolean isAws(ModelUrl url) {
    return url.scheme().equals("https")
        && url.port().isEmpty()
        && (url.host().endsWith(".amazonaws.com") || url.host().endsWith(".amazonaws.com.cn"));
  }
}
