package org.tsnext.http.routing;

import java.util.Map;
import java.util.Optional;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.QueryParameters;

/**
 * An exchange whose route has been found.
 *
 * @param parameters of the path
 */
public record RoutedRequest(
    Exchange exchange, Map<String, String> parameters, QueryParameters query) {

  /** The path parameter {@code model_name}, which the route must have. */
  public String modelName() {
    return parameters.get("model_name");
  }

  /** The path parameter {@code model_version}. */
  public Optional<String> modelVersion() {
    return Optional.ofNullable(parameters.get("model_version"));
  }
}
