package org.tsnext.http.openapi;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;

/** An OpenAPI 3.0.1 document about some routes. */
final class OpenApiDocument {

  private final JsonObject paths = new JsonObject();
  private final String title;
  private final String version;

  OpenApiDocument(String title, String version) {
    this.title = title;
    this.version = version;
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
    paths.getAsJsonObject(path).add(method, operation(operation, pathParameters));
  }

  JsonObject toJson() {
    JsonObject info = new JsonObject();
    info.addProperty("title", title);
    info.addProperty("version", version);
    JsonObject schemas = new JsonObject();
    schemas.add("Error", errorSchema());
    JsonObject components = new JsonObject();
    components.add("schemas", schemas);
    JsonObject json = new JsonObject();
    json.addProperty("openapi", "3.0.1");
    json.add("info", info);
    json.add("paths", paths);
    json.add("components", components);
    return json;
  }

  private static JsonObject operation(Operation operation, List<String> pathParameters) {
    JsonObject json = new JsonObject();
    json.addProperty("summary", operation.summary());
    json.addProperty("operationId", operation.id());
    JsonArray parameters = new JsonArray();
    for (String name : pathParameters) {
      parameters.add(parameter(new Parameter(name, "string", true, ""), "path"));
    }
    operation.query().forEach(parameter -> parameters.add(parameter(parameter, "query")));
    if (!parameters.isEmpty()) {
      json.add("parameters", parameters);
    }
    switch (operation.body()) {
      case INPUTS -> json.add("requestBody", inputs());
      case NONE -> {
        // Nothing to describe.
      }
    }
    json.add("responses", responses(operation));
    return json;
  }

  private static JsonObject parameter(Parameter parameter, String place) {
    JsonObject json = new JsonObject();
    json.addProperty("in", place);
    json.addProperty("name", parameter.name());
    if (!parameter.description().isEmpty()) {
      json.addProperty("description", parameter.description());
    }
    json.addProperty("required", parameter.required());
    json.add("schema", schema(parameter.type()));
    return json;
  }

  private static JsonObject inputs() {
    JsonObject any = new JsonObject();
    JsonObject binary = schema("string");
    binary.addProperty("format", "binary");
    any.add("schema", binary);
    JsonObject content = new JsonObject();
    content.add("*/*", any);
    JsonObject json = new JsonObject();
    json.addProperty("description", "Inputs in the format that the model's handler expects");
    json.add("content", content);
    return json;
  }

  private static JsonObject responses(Operation operation) {
    JsonObject json = new JsonObject();
    for (Outcome outcome : operation.responses()) {
      JsonObject schema =
          outcome.contentType().equals(Response.APPLICATION_JSON)
              ? new JsonObject()
              : schema("string");
      json.add(
          Integer.toString(outcome.status()),
          response(outcome.description(), outcome.contentType(), schema));
    }
    JsonObject reference = new JsonObject();
    reference.addProperty("$ref", "#/components/schemas/Error");
    json.add("default", response("Error", Response.APPLICATION_JSON, reference));
    return json;
  }

  private static JsonObject response(String description, String contentType, JsonObject schema) {
    JsonObject media = new JsonObject();
    media.add("schema", schema);
    JsonObject content = new JsonObject();
    content.add(contentType, media);
    JsonObject json = new JsonObject();
    json.addProperty("description", description);
    json.add("content", content);
    return json;
  }

  private static JsonObject errorSchema() {
    JsonObject properties = new JsonObject();
    properties.add("code", schema("integer"));
    properties.add("type", schema("string"));
    properties.add("message", schema("string"));
    properties.add("detail", schema("string"));
    JsonArray required = new JsonArray();
    required.add("code");
    required.add("type");
    JsonObject json = schema("object");
    json.add("properties", properties);
    json.add("required", required);
    return json;
  }

  private static JsonObject schema(String type) {
    JsonObject json = new JsonObject();
    json.addProperty("type", type);
    return json;
  }
}
