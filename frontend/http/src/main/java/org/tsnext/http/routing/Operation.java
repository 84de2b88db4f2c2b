package org.tsnext.http.routing;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What API descriptions say about a route.
 *
 * @param id the {@code operationId}; generated clients make method names of it
 * @param body kind of the request body
 * @param query parameters of the query string
 * @param responses of the route, beside errors
 * @param failures responses that are errors
 * @param deprecated whether another route is to be preferred
 */
public record Operation(
    String id,
    String summary,
    Body body,
    List<Parameter> query,
    List<Outcome> responses,
    Failures failures,
    boolean deprecated) {

  /**
   * The errors of a route.
   *
   * @param statuses with an error body that this route can give, beside those that any route can; a
   *     status among the responses is not repeated
   * @param anyStatus whether something else, say a model's handler, may choose any status
   */
  public record Failures(List<Integer> statuses, boolean anyStatus) {

    /** None of its own. */
    public static final Failures NONE = new Failures(List.of(), false);

    public Failures {
      statuses = List.copyOf(statuses);
    }
  }

  public Operation {
    query = List.copyOf(query);
    responses = List.copyOf(responses);
  }

  public Operation(
      String id, String summary, Body body, List<Parameter> query, List<Outcome> responses) {
    this(id, summary, body, query, responses, Failures.NONE, false);
  }

  /** The same, with errors of its own. */
  public Operation failingWith(Integer... statuses) {
    return with(new Failures(List.of(statuses), failures.anyStatus()));
  }

  /** The same, with a status that the route does not choose itself. */
  public Operation withAnyStatus() {
    return with(new Failures(failures.statuses(), true));
  }

  private Operation with(Failures others) {
    return new Operation(id, summary, body, query, responses, others, deprecated);
  }

  /** The same under another id. */
  public Operation withId(String other) {
    return new Operation(other, summary, body, query, responses, failures, deprecated);
  }

  /** The same, to be avoided. */
  public Operation asDeprecated() {
    return new Operation(id, summary, body, query, responses, failures, true);
  }

  /** What a request carries. */
  public enum Body {
    NONE,
    /** Inputs of a model, in any format. */
    INPUTS,
    /** A JSON object that names the model. */
    NAMED_MODEL,
    /** The query's parameters as a JSON object or a form. */
    PARAMETERS
  }

  /**
   * A query parameter.
   *
   * @param type a JSON schema type
   * @param constraints further keywords of its schema
   */
  public record Parameter(
      String name,
      String type,
      boolean required,
      String description,
      Map<String, Object> constraints) {

    public Parameter {
      constraints = Map.copyOf(constraints);
    }

    public Parameter(String name, String type, boolean required, String description) {
      this(name, type, required, description, Map.of());
    }

    /** The same with one more keyword in its schema: {@code minimum}, {@code default}, ... */
    public Parameter with(String keyword, Object value) {
      Map<String, Object> more = new LinkedHashMap<>(constraints);
      more.put(keyword, value);
      return new Parameter(name, type, required, description, more);
    }
  }

  /**
   * A status and what it means.
   *
   * @param schema name of the component that describes the body; empty for any
   */
  public record Outcome(int status, String contentType, String description, String schema) {

    public Outcome(int status, String contentType, String description) {
      this(status, contentType, description, "");
    }
  }
}
