package org.tsnext.core.settings;

import java.time.Duration;
import java.util.Objects;

/**
 * All timeouts of a model version.
 *
 * @param response how long a worker may be silent on what it runs
 * @param startup how long a worker may take from its start until it has loaded
 * @param maxRetry recovery window of a failing worker; zero means no restart
 * @param client limit of every request, zero for none
 */
public record Timeouts(Duration response, Duration startup, Duration maxRetry, Duration client) {

  public Timeouts {
    Objects.requireNonNull(response, "response");
    Objects.requireNonNull(startup, "startup");
    Objects.requireNonNull(maxRetry, "maxRetry");
    Objects.requireNonNull(client, "client");
  }
}
