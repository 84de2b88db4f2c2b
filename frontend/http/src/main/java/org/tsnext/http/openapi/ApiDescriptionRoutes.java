package org.tsnext.http.openapi;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.OPTIONS;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.access.Access;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;

/**
 * {@code OPTIONS /}, {@code /api-description} and {@code /openapi.json}, which describe a
 * listener's routes.
 */
public final class ApiDescriptionRoutes {

  private ApiDescriptionRoutes() {}

  /**
   * Returns {@code routes} and those that describe them.
   *
   * @param asksForKey whether routes with that access ask their callers for a key
   * @param compatibility which routes are listed
   */
  public static List<Route> addedTo(
      List<Route> routes,
      String serverVersion,
      Predicate<Access> asksForKey,
      Compatibility compatibility) {
    // The document describes the route that serves it, too, and is therefore made from the routes
    // without a handler first.
    List<Route> described = withDescriptions(routes, request -> {});
    JsonObject document =
        new OpenApiDocument("TorchServe APIs", serverVersion, asksForKey)
            .addAll(
                compatibility.isOriginal(Deviation.API_DESCRIPTIONS)
                    ? OriginalDescription.of(described)
                    : described,
                Function.identity())
            .toJson();
    return withDescriptions(
        routes, request -> request.exchange().send(Response.json(200, document)));
  }

  private static List<Route> withDescriptions(List<Route> routes, RouteHandler handler) {
    List<Route> all = new ArrayList<>();
    all.add(
        Route.of(List.of(OPTIONS), "/", handler, operation("apiDescription", "Describe this API."))
            .withAccess(Access.DESCRIPTION));
    all.add(
        Route.of(
                List.of(OPTIONS, POST, PUT, GET),
                "/api-description",
                handler,
                operation("api-description", "Describe this API; OPTIONS / is the modern way.")
                    .asDeprecated())
            .withAccess(Access.DESCRIPTION));
    // Where tools look for it; the document lists the route that 0.12 has as well.
    all.add(
        Route.undocumented(List.of(GET), "/openapi.json", handler).withAccess(Access.DESCRIPTION));
    all.addAll(routes);
    return all;
  }

  private static Operation operation(String id, String summary) {
    return new Operation(
        id,
        summary,
        Body.NONE,
        List.of(),
        List.of(
            new Outcome(
                200, Response.APPLICATION_JSON, "An OpenAPI 3.0.1 document", Schemas.DESCRIPTION)));
  }
}
