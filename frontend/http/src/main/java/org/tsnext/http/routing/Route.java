package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.tsnext.core.access.Access;
import org.tsnext.http.request.QueryParameters;

/**
 * A line of the route table. Where GET is allowed, so is HEAD.
 *
 * @param operation shown in API descriptions under the last of the methods; empty for routes that
 *     they leave out
 * @param access what it asks of callers; {@link Access#MANAGEMENT} unless it is set
 * @param acts whether a request with that query does something although its method only reads
 */
public record Route(
    List<HttpMethod> methods,
    PathTemplate template,
    RouteHandler handler,
    Optional<Operation> operation,
    Access access,
    Predicate<QueryParameters> acts) {

  public Route {
    methods = List.copyOf(methods);
  }

  public static Route of(
      List<HttpMethod> methods, String template, RouteHandler handler, Operation operation) {
    return new Route(
        methods,
        PathTemplate.of(template),
        handler,
        Optional.of(operation),
        Access.MANAGEMENT,
        Route::reads);
  }

  public static Route undocumented(
      List<HttpMethod> methods, String template, RouteHandler handler) {
    return new Route(
        methods,
        PathTemplate.of(template),
        handler,
        Optional.empty(),
        Access.MANAGEMENT,
        Route::reads);
  }

  /** The same route, for other callers. */
  public Route withAccess(Access other) {
    return new Route(methods, template, handler, operation, other, acts);
  }

  /** The same route, which does something whatever the method. */
  public Route acting() {
    return actingIf(query -> true);
  }

  /** The same route, which does something whatever the method if the query asks for it. */
  public Route actingIf(Predicate<QueryParameters> condition) {
    return new Route(methods, template, handler, operation, access, condition);
  }

  private static boolean reads(QueryParameters unused) {
    return false;
  }
}
