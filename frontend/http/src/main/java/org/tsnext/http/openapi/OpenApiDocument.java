package org.tsnext.http.openapi;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.netty.handler.codec.http.HttpMethod;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import org.tsnext.core.access.Access;
import org.tsnext.http.response.OpenAiErrors;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;

/** An OpenAPI 3.0.1 document about some routes. */
final class OpenApiDocument {

  private static final Gson GSON = new Gson();

  /** What the core takes for a model's name or version (docs/archives.md). */
  private static final Map<String, String> PATTERNS =
      Map.of(
          "model_name", "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
          "model_version", "^[A-Za-z0-9_][A-Za-z0-9_.+~:-]{0,254}$");

  /** Name of the way in which keys are sent. */
  private static final String KEY = "token";

  private final JsonObject paths = new JsonObject();

  /** The schemas of errors that its routes have. */
  private final Set<String> errorSchemas = new TreeSet<>();

  private final String title;
  private final String version;
  private final Predicate<Access> asksForKey;

  /** A document that says nothing of keys. */
  OpenApiDocument(String title, String version) {
    this(title, version, access -> false);
  }

  /**
   * @param asksForKey whether routes with that access ask their callers for a key
   */
  OpenApiDocument(String title, String version, Predicate<Access> asksForKey) {
    this.title = title;
    this.version = version;
    this.asksForKey = asksForKey;
  }

  /**
   * Adds the routes that have an operation, each under its last method: the one its users know.
   *
   * @param rename makes the path of the document from the template's
   */
  OpenApiDocument addAll(List<Route> routes, Function<String, String> rename) {
    for (Route route : routes) {
      route.operation().ifPresent(operation -> add(route, operation, rename));
    }
    return this;
  }

  private void add(Route route, Operation operation, Function<String, String> rename) {
    String path = rename.apply(route.template().documented());
    if (!paths.has(path)) {
      paths.add(path, new JsonObject());
    }
    List<HttpMethod> methods = route.methods();
    String method = methods.get(methods.size() - 1).name().toLowerCase(Locale.ROOT);
    List<String> pathParameters =
        route.template().parameterNames().stream()
            .filter(name -> path.contains("{" + name + "}"))
            .toList();
    String errors = OpenAiErrors.isOnlyFor(path) ? Schemas.OPEN_AI_ERROR : Schemas.ERROR;
    errorSchemas.add(errors);
    JsonObject described = operation(operation, pathParameters, errors);
    if (asksForKey.test(route.access())) {
      described.add("security", key());
    }
    paths.getAsJsonObject(path).add(method, described);
  }

  JsonObject toJson() {
    JsonObject info = new JsonObject();
    info.addProperty("title", title);
    info.addProperty("version", version);
    JsonObject components = new JsonObject();
    components.add("schemas", Schemas.all());
    components.add("responses", ErrorResponses.all(errorSchemas));
    if (EnumSet.allOf(Access.class).stream().anyMatch(asksForKey)) {
      components.add("securitySchemes", keys());
    }
    JsonObject json = new JsonObject();
    json.addProperty("openapi", "3.0.1");
    json.add("info", info);
    json.add("paths", paths);
    json.add("components", components);
    return json;
  }

  private static JsonArray key() {
    JsonObject scheme = new JsonObject();
    scheme.add(KEY, new JsonArray());
    JsonArray one = new JsonArray();
    one.add(scheme);
    return one;
  }

  private static JsonObject keys() {
    JsonObject bearer = new JsonObject();
    bearer.addProperty("type", "http");
    bearer.addProperty("scheme", "bearer");
    bearer.addProperty(
        "description", "The token for this route; key_file.json of the server has it");
    JsonObject schemes = new JsonObject();
    schemes.add(KEY, bearer);
    return schemes;
  }

  private static JsonObject operation(
      Operation operation, List<String> pathParameters, String errorSchema) {
    JsonObject json = new JsonObject();
    json.addProperty("summary", operation.summary());
    json.addProperty("operationId", operation.id());
    if (operation.deprecated()) {
      json.addProperty("deprecated", true);
    }
    JsonArray parameters = new JsonArray();
    for (String name : pathParameters) {
      parameters.add(parameter(pathParameter(name), "path"));
    }
    operation.query().forEach(parameter -> parameters.add(parameter(parameter, "query")));
    if (!parameters.isEmpty()) {
      json.add("parameters", parameters);
    }
    switch (operation.body()) {
      case INPUTS -> json.add("requestBody", inputs());
      case NAMED_MODEL -> json.add("requestBody", namedModel());
      case PARAMETERS -> json.add("requestBody", parametersAsBody(operation.query()));
      case NONE -> {
        // Nothing to describe.
      }
    }
    json.add("responses", responses(operation, errorSchema));
    return json;
  }

  private static Parameter pathParameter(String name) {
    Parameter parameter = new Parameter(name, "string", true, "");
    return PATTERNS.containsKey(name) ? parameter.with("pattern", PATTERNS.get(name)) : parameter;
  }

  private static JsonObject parameter(Parameter parameter, String place) {
    JsonObject json = new JsonObject();
    json.addProperty("in", place);
    json.addProperty("name", parameter.name());
    if (!parameter.description().isEmpty()) {
      json.addProperty("description", parameter.description());
    }
    json.addProperty("required", parameter.required());
    json.add("schema", schema(parameter));
    return json;
  }

  private static JsonObject schema(Parameter parameter) {
    JsonObject json = Schemas.of(parameter.type());
    if (parameter.type().equals("integer")) {
      json.addProperty("format", "int32");
    }
    parameter.constraints().forEach((keyword, value) -> json.add(keyword, GSON.toJsonTree(value)));
    return json;
  }

  private static JsonObject inputs() {
    JsonObject binary = Schemas.of("string");
    binary.addProperty("format", "binary");
    JsonObject fields = Schemas.of("object");
    fields.add("additionalProperties", binary);
    JsonObject content = new JsonObject();
    content.add("application/json", media(new JsonObject()));
    content.add("multipart/form-data", media(fields));
    content.add("application/x-www-form-urlencoded", media(fields));
    content.add("text/plain", media(Schemas.of("string")));
    content.add("application/octet-stream", media(binary));
    content.add("*/*", media(binary));
    JsonObject json = new JsonObject();
    json.addProperty("description", "Inputs in the format that the model's handler expects");
    json.add("content", content);
    return json;
  }

  private static JsonObject namedModel() {
    JsonObject content = new JsonObject();
    content.add(
        "application/json", media(Schemas.object(Map.of("model", Schemas.of("string")), "model")));
    JsonObject json = new JsonObject();
    json.addProperty("description", "A request of the OpenAI API");
    json.addProperty("required", true);
    json.add("content", content);
    return json;
  }

  private static JsonObject parametersAsBody(List<Parameter> parameters) {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    parameters.forEach(parameter -> members.put(parameter.name(), schema(parameter)));
    JsonObject object = Schemas.object(members);
    JsonObject content = new JsonObject();
    content.add("application/json", media(object));
    content.add("application/x-www-form-urlencoded", media(object));
    JsonObject json = new JsonObject();
    json.addProperty(
        "description",
        "The parameters, instead of in the query: a JSON object replaces the query, a form counts"
            + " if the query has no url");
    json.add("content", content);
    return json;
  }

  private static JsonObject responses(Operation operation, String errorSchema) {
    JsonObject json = new JsonObject();
    for (Outcome outcome : operation.responses()) {
      json.add(
          Integer.toString(outcome.status()),
          response(outcome.description(), outcome.contentType(), schema(outcome)));
    }
    TreeSet<Integer> errors = new TreeSet<>(ErrorResponses.OF_EVERY_ROUTE);
    errors.addAll(operation.failures().statuses());
    for (int status : errors) {
      String name = Integer.toString(status);
      if (!json.has(name)) {
        json.add(name, ErrorResponses.reference(status, errorSchema));
      }
    }
    if (operation.failures().anyStatus()) {
      json.add(
          "default", response("Any other status that the handler chose", "*/*", new JsonObject()));
    }
    return json;
  }

  private static JsonObject schema(Outcome outcome) {
    if (!outcome.schema().isEmpty()) {
      return Schemas.reference(outcome.schema());
    }
    return outcome.contentType().startsWith("text/") ? Schemas.of("string") : new JsonObject();
  }

  static JsonObject response(String description, String contentType, JsonObject schema) {
    JsonObject content = new JsonObject();
    content.add(contentType, media(schema));
    JsonObject json = new JsonObject();
    json.addProperty("description", description);
    json.add("content", content);
    return json;
  }

  static JsonObject reference(String kind, String name) {
    JsonObject json = new JsonObject();
    json.addProperty("$ref", "#/components/" + kind + "/" + name);
    return json;
  }

  private static JsonObject media(JsonObject schema) {
    JsonObject json = new JsonObject();
    json.add("schema", schema);
    return json;
  }
}
