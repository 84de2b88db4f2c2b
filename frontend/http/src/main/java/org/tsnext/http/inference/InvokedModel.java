package org.tsnext.http.inference;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InputPart;
import org.tsnext.http.request.QueryParameters;
import org.tsnext.http.routing.RoutedRequest;

/** Which model a request means that may have none in its path. Any thread. */
final class InvokedModel implements ModelChoice {

  static final String PARAMETER = "model_name";

  private final Supplier<List<String>> startUpModels;

  /**
   * @param startUpModels names of the models loaded at start
   */
  InvokedModel(Supplier<List<String>> startUpModels) {
    this.startUpModels = Objects.requireNonNull(startUpModels, "startUpModels");
  }

  /** The model of the path, else of the query or the start, else of a field. */
  @Override
  public String of(RoutedRequest routed, List<InputPart> parts) {
    if (routed.modelName() != null) {
      return routed.modelName();
    }
    return of(routed.query()).or(() -> ofFields(parts)).orElseThrow(InvokedModel::missing);
  }

  private static Optional<String> ofFields(List<InputPart> parts) {
    return parts.stream()
        .filter(part -> part.name().equals(PARAMETER))
        .map(part -> part.value().toString(StandardCharsets.UTF_8))
        .filter(name -> !name.isEmpty())
        .findFirst();
  }

  /** The model of the query, else the only one loaded at start. */
  Optional<String> of(QueryParameters query) {
    Optional<String> named = query.get(PARAMETER).filter(name -> !name.isEmpty());
    if (named.isPresent()) {
      return named;
    }
    List<String> known = startUpModels.get();
    return known.size() == 1 ? Optional.of(known.get(0)) : Optional.empty();
  }

  static ServingException missing() {
    return Parameters.missing(PARAMETER);
  }
}
