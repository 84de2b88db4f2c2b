package org.tsnext.core.access;

import java.util.List;
import java.util.Locale;

/**
 * Of which origins web pages may use the server, beside its own.
 *
 * @param origins of {@code cors_allowed_origin}, in lower case; {@code *} for all there are
 * @param hosts of {@code allowed_hosts}, as {@link HostNames} takes them
 */
public record AllowedPages(List<String> origins, List<String> hosts) {

  public AllowedPages {
    origins = origins.stream().map(origin -> origin.toLowerCase(Locale.ROOT)).toList();
    hosts = List.copyOf(hosts);
  }

  /** None but those of the server itself. */
  public static AllowedPages none() {
    return new AllowedPages(List.of(), List.of());
  }
}
