package org.tsnext.http.inference;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.request.QueryParameters;

/** Which model a request means that has none in its path. Any thread. */
final class InvokedModel {

  static final String PARAMETER = "model_name";

  private final Supplier<List<String>> startUpModels;

  /**
   * @param startUpModels names of the models loaded at start
   */
  InvokedModel(Supplier<List<String>> startUpModels) {
    this.startUpModels = Objects.requireNonNull(startUpModels, "startUpModels");
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
