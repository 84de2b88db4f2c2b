package org.tsnext.archive.remote;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What the operator decides on models from elsewhere.
 *
 * @param privateHosts which hosts may be connected to although they are not public
 * @param cache folder for downloaded archives; made when it is needed
 * @param environment the server's own, for {@code AWS_*}
 */
public record RemoteSettings(
    AllowedUrls allowedUrls,
    List<PrivateHost> privateHosts,
    DownloadLimits limits,
    Path cache,
    Map<String, String> environment) {

  public RemoteSettings {
    Objects.requireNonNull(allowedUrls, "allowedUrls");
    privateHosts = List.copyOf(privateHosts);
    Objects.requireNonNull(limits, "limits");
    Objects.requireNonNull(cache, "cache");
    environment = Map.copyOf(environment);
  }
}
