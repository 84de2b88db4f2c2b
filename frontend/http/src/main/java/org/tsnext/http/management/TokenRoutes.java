package org.tsnext.http.management;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import java.util.List;
import java.util.Set;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.access.TokenRotation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.access.TokenGuard;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RoutedRequest;

/** {@code /token}, which replaces a token. The new one is in the key file, never in the answer. */
public final class TokenRoutes {

  private static final Operation OPERATION =
      new Operation(
          "token",
          "Replace a token. The new one is in the server's key file; the API token is needed.",
          Body.NONE,
          List.of(new Parameter("type", "string", true, "The token: management or inference")),
          List.of(
              new Outcome(
                  200,
                  Response.APPLICATION_JSON,
                  "The old token has been replaced",
                  Schemas.STATUS)));

  private final TokenRotation rotation;

  private TokenRoutes(TokenRotation rotation) {
    this.rotation = rotation;
  }

  /**
   * Builds the routes.
   *
   * @param compatibility whether parameters that the call does not have are refused
   */
  public static List<Route> of(TokenRotation rotation, Compatibility compatibility) {
    TokenRoutes routes = new TokenRoutes(rotation);
    return List.of(
        KnownParameters.of(OPERATION, Set.of(), compatibility)
            .route(List.of(POST, PUT, GET), "/token", routes::rotate, OPERATION)
            .withAccess(Access.TOKENS)
            .acting());
  }

  private void rotate(RoutedRequest request) {
    String type = request.query().get("type").orElse("");
    TokenKind kind =
        TokenKind.replaceable(type)
            .orElseThrow(
                () ->
                    new ServingException(ErrorKind.TOKEN_REFUSED, TokenGuard.TOKEN_ROUTE_REFUSAL)
                        .withDetail(
                            "The parameter type is '"
                                + type
                                + "', expected management or inference."));
    LaterResponse.send(
        request.exchange(),
        rotation.rotate(kind),
        nothing ->
            Response.ok(
                "The " + kind.text() + " token has been replaced; read it in the key file."));
  }
}
