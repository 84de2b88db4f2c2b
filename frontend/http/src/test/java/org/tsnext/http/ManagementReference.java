package org.tsnext.http;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Writes {@code docs/management.md}: the text of a template, in which each line {@code
 * {{operationId}}} is replaced by what the API description of the management listener says about
 * that operation, and {@code {{errors}}} by the errors that all of them have in common.
 */
final class ManagementReference {

  private static final String VERSIONED = "version_";

  private static final Pattern RPC = Pattern.compile("(?m)^  rpc (\\w+)\\(");

  /** Where the name of an rpc is not the id of its operation. */
  private static final Map<String, String> OTHER_NAMES = Map.of("setAutoScale", "ScaleWorker");

  private final JsonObject document;
  private final Map<String, Route> routes = new LinkedHashMap<>();
  private final Map<String, String> commonStatuses;

  /** An operation and where it is found. */
  private record Route(String method, String path, JsonObject operation) {}

  /**
   * @param document as the listener answers {@code OPTIONS /}
   */
  ManagementReference(JsonObject document) {
    this.document = document;
    for (Map.Entry<String, JsonElement> path : document.getAsJsonObject("paths").entrySet()) {
      for (Map.Entry<String, JsonElement> method : path.getValue().getAsJsonObject().entrySet()) {
        JsonObject operation = method.getValue().getAsJsonObject();
        routes.put(
            operation.get("operationId").getAsString(),
            new Route(method.getKey().toUpperCase(Locale.ROOT), path.getKey(), operation));
      }
    }
    this.commonStatuses = commonStatuses();
  }

  /** The page in the repository. */
  static Path page() {
    return repository().resolve("docs").resolve("management.md");
  }

  private static Path repository() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("frontend"))) {
      folder = folder.getParent();
    }
    return folder;
  }

  /** The rpcs of the gRPC service, by the ids of their operations. */
  private static Map<String, String> rpcs() throws IOException {
    String proto =
        Files.readString(
            repository().resolve("frontend/grpc-messages/src/main/proto/management.proto"));
    Map<String, String> byOperation = new HashMap<>();
    RPC.matcher(proto)
        .results()
        .map(found -> found.group(1))
        .forEach(
            rpc -> byOperation.put(Character.toLowerCase(rpc.charAt(0)) + rpc.substring(1), rpc));
    OTHER_NAMES.forEach(
        (id, rpc) -> {
          byOperation.values().remove(rpc);
          byOperation.put(id, rpc);
        });
    return byOperation;
  }

  /** The whole page. Routes that the template does not place come at its end. */
  String markdown() throws IOException {
    Map<String, String> rpcs = rpcs();
    if (!routes.keySet().containsAll(rpcs.keySet())) {
      throw new IllegalStateException("no operations of these names: " + rpcs.keySet());
    }
    Set<String> left = new TreeSet<>(routes.keySet());
    List<String> lines = new ArrayList<>();
    for (String line : template().split("\n", -1)) {
      if (!line.startsWith("{{")) {
        lines.add(line);
        continue;
      }
      String id = line.substring(2, line.length() - 2);
      lines.add(id.equals("errors") ? statuses(commonStatuses) : section(id, rpcs.get(id)));
      left.remove(id);
      left.remove(VERSIONED + id);
    }
    left.forEach(id -> lines.add(section(id, null)));
    return String.join("\n", lines).strip() + "\n";
  }

  private static String template() throws IOException {
    return new String(
        ManagementReference.class.getResourceAsStream("management-reference.md").readAllBytes(),
        StandardCharsets.UTF_8);
  }

  /**
   * @param rpc of the same operation; null if there is none
   */
  private String section(String id, String rpc) {
    Route route = routes.get(id);
    if (route == null) {
      throw new IllegalStateException("the API description has no operation " + id);
    }
    StringBuilder text = new StringBuilder();
    text.append("`").append(route.method()).append(' ').append(route.path()).append("`");
    if (routes.containsKey(VERSIONED + id)) {
      Route versioned = routes.get(VERSIONED + id);
      text.append(", `").append(versioned.method()).append(' ').append(versioned.path());
      text.append("`");
    }
    if (rpc != null) {
      text.append("; over gRPC `").append(rpc).append("`");
    }
    text.append("\n\n").append(string(route.operation(), "summary")).append("\n");
    parameters(route.operation(), text);
    Map<String, String> own = new TreeMap<>(statusesOf(route.operation()));
    own.entrySet().removeAll(commonStatuses.entrySet());
    return text.append('\n').append(statuses(own)).toString();
  }

  private static void parameters(JsonObject operation, StringBuilder text) {
    List<String> rows = new ArrayList<>();
    if (operation.has("parameters")) {
      for (JsonElement each : operation.getAsJsonArray("parameters")) {
        JsonObject parameter = each.getAsJsonObject();
        if (string(parameter, "in").equals("query")) {
          rows.add(row(parameter));
        }
      }
    }
    if (!rows.isEmpty()) {
      text.append("\n| parameter | type | default | meaning |\n|---|---|---|---|\n");
      rows.forEach(text::append);
    }
  }

  private static String row(JsonObject parameter) {
    JsonObject schema = parameter.getAsJsonObject("schema");
    String fallback = parameter.get("required").getAsBoolean() ? "needed" : "–";
    if (schema.has("default")) {
      fallback = "`" + schema.get("default").getAsString() + "`";
    }
    return "| `%s` | %s | %s | %s |%n"
        .formatted(
            string(parameter, "name"),
            type(schema),
            fallback,
            cell(string(parameter, "description")))
        .replace("\r\n", "\n");
  }

  private static String type(JsonObject schema) {
    StringBuilder text = new StringBuilder(string(schema, "type"));
    if (schema.has("minimum")) {
      text.append(", from ").append(schema.get("minimum").getAsString());
    }
    if (schema.has("maximum")) {
      text.append(" to ").append(schema.get("maximum").getAsString());
    }
    if (schema.has("enum")) {
      List<String> words = new ArrayList<>();
      schema.getAsJsonArray("enum").forEach(word -> words.add("`" + word.getAsString() + "`"));
      text.append(": ").append(String.join(", ", words));
    }
    return text.toString();
  }

  private static String statuses(Map<String, String> statuses) {
    StringBuilder text = new StringBuilder("| status | meaning |\n|---|---|\n");
    statuses.forEach(
        (status, meaning) ->
            text.append("| ").append(status).append(" | ").append(cell(meaning)).append(" |\n"));
    return text.toString().stripTrailing();
  }

  /** What every operation can answer, in the same words. */
  private Map<String, String> commonStatuses() {
    Map<String, String> common = new TreeMap<>();
    boolean first = true;
    for (Route route : routes.values()) {
      Map<String, String> own = statusesOf(route.operation());
      if (first) {
        common.putAll(own);
      }
      common.entrySet().retainAll(own.entrySet());
      first = false;
    }
    return common;
  }

  private Map<String, String> statusesOf(JsonObject operation) {
    Map<String, String> statuses = new TreeMap<>();
    for (Map.Entry<String, JsonElement> each : operation.getAsJsonObject("responses").entrySet()) {
      statuses.put(
          each.getKey(), string(resolved(each.getValue().getAsJsonObject()), "description"));
    }
    return statuses;
  }

  private JsonObject resolved(JsonObject value) {
    if (!value.has("$ref")) {
      return value;
    }
    JsonObject found = document;
    for (String step : value.get("$ref").getAsString().substring(2).split("/", -1)) {
      found = found.getAsJsonObject(step);
    }
    return found;
  }

  private static String string(JsonObject json, String name) {
    return json.has(name) ? json.get(name).getAsString() : "";
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }
}
