package org.tsnext.archive.remote;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What requests to AWS are signed with.
 *
 * @param sessionToken of temporary credentials
 */
record AwsCredentials(
    String accessKeyId, String secretAccessKey, Optional<String> sessionToken, String region) {

  /**
   * Reads {@code AWS_ACCESS_KEY_ID}, {@code AWS_SECRET_ACCESS_KEY}, {@code AWS_SESSION_TOKEN} and
   * {@code AWS_DEFAULT_REGION}, or {@code AWS_REGION}.
   *
   * @throws DownloadException naming what is missing
   */
  static AwsCredentials from(Map<String, String> environment) throws DownloadException {
    return new AwsCredentials(
        required(environment, "AWS_ACCESS_KEY_ID"),
        required(environment, "AWS_SECRET_ACCESS_KEY"),
        value(environment, "AWS_SESSION_TOKEN"),
        region(environment));
  }

  private static String region(Map<String, String> environment) throws DownloadException {
    Optional<String> region =
        Stream.of("AWS_DEFAULT_REGION", "AWS_REGION")
            .flatMap(name -> value(environment, name).stream())
            .findFirst();
    if (region.isEmpty()) {
      return required(environment, "AWS_DEFAULT_REGION");
    }
    // It becomes part of a host's name.
    if (!region.get().matches("[a-z0-9-]{1,40}")) {
      throw new DownloadException(
          "the environment variable AWS_DEFAULT_REGION is not the name of a region");
    }
    return region.get();
  }

  private static String required(Map<String, String> environment, String name)
      throws DownloadException {
    return value(environment, name)
        .orElseThrow(
            () ->
                new DownloadException(
                    "the environment variable "
                        + name
                        + " of the server is not set; a signed download from S3 needs it"));
  }

  private static Optional<String> value(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).filter(text -> !text.isBlank());
  }

  /** Without the secrets. */
  @Override
  public String toString() {
    return "AwsCredentials[" + accessKeyId + ", " + region + "]";
  }
}
