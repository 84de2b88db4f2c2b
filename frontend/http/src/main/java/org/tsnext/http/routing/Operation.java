package org.tsnext.http.routing;

import java.util.List;

/**
 * What API descriptions say about a route.
 *
 * @param id the {@code operationId}; generated clients make method names of it
 * @param body kind of the request body
 * @param query parameters of the query string
 * @param responses of the route, beside the errors that any route can have
 */
public record Operation(
    String id, String summary, Body body, List<Parameter> query, List<Outcome> responses) {

  public Operation {
    query = List.copyOf(query);
    responses = List.copyOf(responses);
  }

  /** What a request carries. */
  public enum Body {
    NONE,
    /** Inputs of a model, in any format. */
    INPUTS
  }

  /** A query parameter; {@code type} is a JSON schema type. */
  public record Parameter(String name, String type, boolean required, String description) {}

  /** A status and what it means. */
  public record Outcome(int status, String contentType, String description) {}
}
