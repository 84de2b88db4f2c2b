package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpMethod;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.tsnext.core.access.Access;
import org.tsnext.http.request.QueryParameters;

/**
 * All routes of a listener. The most literal template that matches a path decides; its methods are
 * then looked at. Immutable, any thread.
 */
public final class RouteTable {

  private final List<Route> routes;
  private final List<Entry> entries;

  /**
   * Builds the table.
   *
   * @throws IllegalArgumentException if two routes claim the same method of a template
   */
  public RouteTable(List<Route> routes) {
    this.routes = List.copyOf(routes);
    Map<PathTemplate, Entry> byTemplate = new TreeMap<>();
    for (Route route : routes) {
      byTemplate.computeIfAbsent(route.template(), Entry::new).add(route);
    }
    this.entries = List.copyOf(byTemplate.values());
  }

  public List<Route> routes() {
    return routes;
  }

  /** The route of a path, or empty if there is none. */
  Optional<Match> find(HttpMethod method, List<String> path) {
    for (Entry entry : entries) {
      Map<String, String> parameters = entry.template.match(path);
      if (parameters != null) {
        return Optional.of(
            new Match(Optional.ofNullable(entry.routes.get(method)), entry, parameters));
      }
    }
    return Optional.empty();
  }

  /**
   * The route, as {@code POST /predictions/{model_name}}, that a wrong path was likely meant for.
   */
  Optional<String> nearest(List<String> path) {
    return entries.stream()
        .filter(entry -> entry.template.difference(path) <= PathTemplate.MAX_DIFFERENCE)
        .min(Comparator.comparingInt(entry -> entry.template.difference(path)))
        .map(Entry::shown);
  }

  /** What was found. */
  static final class Match {
    private final Optional<Route> route;
    private final Entry entry;
    private final Map<String, String> parameters;

    private Match(Optional<Route> route, Entry entry, Map<String, String> parameters) {
      this.route = route;
      this.entry = entry;
      this.parameters = parameters;
    }

    /** Empty if the method is not allowed. */
    Optional<Route> route() {
      return route;
    }

    /** What is asked of the caller; of one with a wrong method, no more than knowing the API. */
    Access access() {
      return route.map(Route::access).orElseGet(entry::accessOfOthers);
    }

    /** Whether a request with that query does something although its method only reads. */
    boolean acts(QueryParameters query) {
      return route.isPresent() && route.get().acts().test(query);
    }

    /** The methods that are allowed. */
    List<String> allowed() {
      return entry.allowed();
    }

    Map<String, String> parameters() {
      return parameters;
    }
  }

  /** The methods of one template. */
  private static final class Entry {
    private final PathTemplate template;
    private final Map<HttpMethod, Route> routes = new LinkedHashMap<>();

    Entry(PathTemplate template) {
      this.template = template;
    }

    void add(Route route) {
      for (HttpMethod method : route.methods()) {
        put(method, route);
        if (method.equals(HttpMethod.GET)) {
          put(HttpMethod.HEAD, route);
        }
      }
    }

    private void put(HttpMethod method, Route route) {
      if (routes.putIfAbsent(method, route) != null) {
        throw new IllegalArgumentException("two routes for " + method + " " + template);
      }
    }

    List<String> allowed() {
      return routes.keySet().stream().map(HttpMethod::name).toList();
    }

    String shown() {
      String methods =
          routes.keySet().stream()
              .filter(method -> !method.equals(HttpMethod.HEAD))
              .filter(method -> routes.size() == 1 || !method.equals(HttpMethod.OPTIONS))
              .map(HttpMethod::name)
              .collect(Collectors.joining(", "));
      return methods + " " + template.documented();
    }

    /** A path that is open for one method need not be a secret for the others. */
    Access accessOfOthers() {
      return routes.values().stream()
          .map(Route::access)
          .filter(access -> access == Access.PROBE || access == Access.DESCRIPTION)
          .findFirst()
          .orElse(Access.NOWHERE);
    }
  }
}
