package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.POST;

import java.util.List;
import java.util.Optional;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.access.TokenCheck;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.Header;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;
import org.tsnext.http.settings.TokenSettings;

/**
 * Predictions and explanations over the management listener, for its console, whose page could not
 * ask another listener. They need the management token as all there does, and the inference token
 * besides, in a header of its own. Any event loop.
 */
public final class TrialRoutes {

  /** Holds the inference token, without a scheme. Handlers do not get it. */
  public static final String TOKEN_HEADER = "x-ts-inference-token";

  /** What a model answers is no page of this listener. */
  private static final List<Header> HEADERS =
      List.of(
          new Header("content-security-policy", "default-src 'none'; sandbox"),
          new Header("x-content-type-options", "nosniff"));

  private final Optional<TokenCheck> check;
  private final HeaderPolicy policy;
  private final InferenceService inference;

  private TrialRoutes(InferenceService inference, Optional<TokenSettings> tokens) {
    this.inference = inference;
    this.check =
        tokens
            .filter(settings -> settings.asksFor(Access.INFERENCE))
            .map(settings -> new TokenCheck(settings.tokens(), settings.failuresAs400(), "route"));
    this.policy = HeaderPolicy.of(tokens.isPresent());
  }

  /**
   * Builds the routes.
   *
   * @param path in front of {@code /predictions} and {@code /explanations}
   * @param tokens empty if none are checked
   */
  public static List<Route> of(
      String path, InferenceService inference, Optional<TokenSettings> tokens) {
    TrialRoutes trials = new TrialRoutes(inference, tokens);
    return List.of(
        trials.route(path + "/predictions", PredictionRoute.PREDICTIONS),
        trials.route(path + "/explanations", PredictionRoute.EXPLANATIONS));
  }

  private Route route(String path, PredictionRoute kind) {
    PredictionHandler predictions =
        new PredictionHandler(
            inference, Optional.empty(), kind, (routed, parts) -> routed.modelName(), policy);
    RouteHandler handler =
        request -> {
          requireToken(request);
          predictions.handleWith(HEADERS, request);
        };
    return Route.undocumented(List.of(POST), path + "/{model_name}/{model_version}", handler);
  }

  private void requireToken(RoutedRequest request) {
    List<String> given = request.exchange().headers().getAll(TOKEN_HEADER);
    request.exchange().headers().remove(TOKEN_HEADER);
    if (check.isEmpty()) {
      return;
    }
    try {
      check
          .get()
          .require(
              Access.INFERENCE.tokens(),
              given.stream().map(token -> "Bearer " + token).toList(),
              TokenCheck.REFUSAL);
    } catch (ServingException e) {
      throw e.withDetail(
          given.isEmpty()
              ? "Trying a model needs the inference token, too, in the header " + TOKEN_HEADER + "."
              : "The header " + TOKEN_HEADER + " does not hold a valid inference token.");
    }
  }
}
