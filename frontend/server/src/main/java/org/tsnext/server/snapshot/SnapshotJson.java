package org.tsnext.server.snapshot;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.tsnext.archive.ModelLocation;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.WorkerRange;
import org.tsnext.server.snapshot.SavedModel.Registration;

/**
 * The value of {@code model_snapshot}: JSON as TorchServe 0.12 reads and writes it. Beside the
 * members of that version each model has one more, {@code registration}.
 */
public final class SnapshotJson {
  private static final Gson PRETTY =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
  private static final int MAX_MODELS = 10_000;

  private SnapshotJson() {}

  /** The JSON text of a snapshot. */
  public static String write(Snapshot snapshot) {
    JsonObject models = new JsonObject();
    for (SavedModel model : snapshot.models()) {
      if (!models.has(model.name())) {
        models.add(model.name(), new JsonObject());
      }
      models.getAsJsonObject(model.name()).add(model.version(), write(model));
    }
    JsonObject json = new JsonObject();
    json.addProperty("name", snapshot.name());
    json.addProperty("modelCount", snapshot.models().size());
    json.addProperty("created", snapshot.created().map(Instant::toEpochMilli).orElse(0L));
    json.add("models", models);
    return PRETTY.toJson(json);
  }

  /**
   * Reads a snapshot. A count of models of zero or less means that there are none.
   *
   * @throws IllegalArgumentException naming the member that is missing or wrong
   */
  public static Snapshot read(String text) {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      Members top = new Members("model_snapshot", json);
      Optional<Instant> created =
          top.number("created").stream().mapToObj(Instant::ofEpochMilli).findFirst();
      String name = top.text("name").orElse("");
      if (top.number("modelCount").orElse(1) <= 0) {
        return new Snapshot(name, created, List.of());
      }
      List<SavedModel> models = new ArrayList<>();
      for (Map.Entry<String, Members> model : top.object("models").objects()) {
        for (Map.Entry<String, Members> version : model.getValue().objects()) {
          models.add(read(model.getKey(), version.getKey(), version.getValue()));
        }
      }
      if (models.size() > MAX_MODELS) {
        throw new IllegalArgumentException(
            models.size() + " models, expected at most " + MAX_MODELS);
      }
      return new Snapshot(name, created, models);
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException("it is not a JSON object", e);
    }
  }

  private static JsonObject write(SavedModel model) {
    JsonObject json = new JsonObject();
    json.addProperty("defaultVersion", model.defaultVersion());
    json.addProperty("marName", model.marName());
    json.addProperty("minWorkers", model.workers().min());
    json.addProperty("maxWorkers", model.workers().max());
    json.addProperty("batchSize", model.values().batchSize().orElse(1));
    json.addProperty(
        "maxBatchDelay", model.values().maxBatchDelay().orElse(Duration.ZERO).toMillis());
    model
        .values()
        .responseTimeout()
        .ifPresent(value -> json.addProperty("responseTimeout", value.toSeconds()));
    model
        .values()
        .startupTimeout()
        .ifPresent(value -> json.addProperty("startupTimeout", value.toSeconds()));
    model.values().runtime().ifPresent(value -> json.addProperty("runtimeType", value));
    if (model.values().parallelLevel() > 0) {
      json.addProperty("parallelLevel", model.values().parallelLevel());
    }
    model.registration().ifPresent(value -> json.add("registration", write(value)));
    return json;
  }

  private static JsonObject write(Registration registration) {
    RegisterModel request = registration.request();
    JsonObject json = new JsonObject();
    json.addProperty("url", ModelLocation.publicText(request.source().url()));
    request.handler().ifPresent(value -> json.addProperty("handler", value));
    request.runtime().ifPresent(value -> json.addProperty("runtime", value));
    request.requested().batchSize().ifPresent(value -> json.addProperty("batchSize", value));
    request
        .requested()
        .maxBatchDelay()
        .ifPresent(value -> json.addProperty("maxBatchDelay", value.toMillis()));
    request
        .requested()
        .initialWorkers()
        .ifPresent(value -> json.addProperty("initialWorkers", value));
    request
        .requested()
        .responseTimeout()
        .ifPresent(value -> json.addProperty("responseTimeout", value.toSeconds()));
    request
        .requested()
        .startupTimeout()
        .ifPresent(value -> json.addProperty("startupTimeout", value.toSeconds()));
    if (request.source().s3SseKms()) {
      json.addProperty("s3SseKms", true);
    }
    json.addProperty("trusted", request.origin().trusted());
    json.addProperty("scaled", registration.scaled());
    return json;
  }

  private static SavedModel read(String name, String version, Members members) {
    int minWorkers = members.count("minWorkers");
    return new SavedModel(
        new VersionId(name, version),
        members.flag("defaultVersion").orElseThrow(() -> members.missing("defaultVersion")),
        members.text("marName").orElseThrow(() -> members.missing("marName")),
        new WorkerRange(minWorkers, Math.max(minWorkers, members.count("maxWorkers"))),
        new SavedModel.Values(
            members.positive("batchSize"),
            members.length("maxBatchDelay", Duration.ofMillis(1)),
            members.length("responseTimeout", Duration.ofSeconds(1)),
            members.length("startupTimeout", Duration.ofSeconds(1)),
            members.text("runtimeType"),
            members.positive("parallelLevel").orElse(0)),
        members.has("registration")
            ? Optional.of(registration(members.object("registration")))
            : Optional.empty());
  }

  private static Registration registration(Members members) {
    OptionalLong delay = members.number("maxBatchDelay");
    OptionalLong workers = members.number("initialWorkers");
    RegisterModel request =
        new RegisterModel(
            new RegisterModel.Source(
                members.text("url").orElseThrow(() -> members.missing("url")),
                members.flag("s3SseKms").orElse(false)),
            Optional.empty(),
            members.text("handler"),
            members.text("runtime"),
            new RegisterModel.Requested(
                members.positive("batchSize"),
                delay.isPresent()
                    ? Optional.of(Duration.ofMillis(delay.getAsLong()))
                    : Optional.empty(),
                workers.isPresent()
                    ? OptionalInt.of(members.count("initialWorkers"))
                    : OptionalInt.empty(),
                members.length("responseTimeout", Duration.ofSeconds(1)),
                members.length("startupTimeout", Duration.ofSeconds(1))),
            new RegisterModel.Origin(members.flag("trusted").orElse(false), false),
            false);
    return new Registration(request, members.flag("scaled").orElse(true));
  }

  /**
   * The members of one object.
   *
   * @param path where it stands, for messages
   */
  private record Members(String path, JsonObject json) {
    boolean has(String member) {
      return json.has(member) && !json.get(member).isJsonNull();
    }

    Members object(String member) {
      JsonElement element = json.get(member);
      if (element == null || !element.isJsonObject()) {
        throw wrong(member, "an object");
      }
      return new Members(path + "." + member, element.getAsJsonObject());
    }

    List<Map.Entry<String, Members>> objects() {
      return json.keySet().stream().map(key -> Map.entry(key, object(key))).toList();
    }

    Optional<String> text(String member) {
      return primitive(member).map(JsonElement::getAsString);
    }

    Optional<Boolean> flag(String member) {
      return primitive(member).map(JsonElement::getAsBoolean);
    }

    OptionalLong number(String member) {
      Optional<JsonElement> element = primitive(member);
      if (element.isEmpty()) {
        return OptionalLong.empty();
      }
      OptionalLong number = BoundedNumber.exact(element.get().getAsString());
      if (number.isEmpty()) {
        throw wrong(member, "a whole number");
      }
      return number;
    }

    /** A number of workers, which must be there. */
    int count(String member) {
      long value = number(member).orElseThrow(() -> missing(member));
      if (value < 0 || value > Integer.MAX_VALUE) {
        throw wrong(member, "0 or more");
      }
      return (int) value;
    }

    /** Zero and less count as absent: TorchServe 0.12 wrote delays of -10000 ms, for example. */
    OptionalInt positive(String member) {
      long value = number(member).orElse(0);
      return value > 0 && value <= Integer.MAX_VALUE
          ? OptionalInt.of((int) value)
          : OptionalInt.empty();
    }

    Optional<Duration> length(String member, Duration unit) {
      OptionalInt value = positive(member);
      return value.isPresent()
          ? Optional.of(unit.multipliedBy(value.getAsInt()))
          : Optional.empty();
    }

    IllegalArgumentException missing(String member) {
      return new IllegalArgumentException(path + "." + member + " is missing");
    }

    private Optional<JsonElement> primitive(String member) {
      if (!has(member)) {
        return Optional.empty();
      }
      if (!json.get(member).isJsonPrimitive()) {
        throw wrong(member, "a plain value");
      }
      return Optional.of(json.get(member));
    }

    private IllegalArgumentException wrong(String member, String expected) {
      return new IllegalArgumentException(
          path + "." + member + " is " + json.get(member) + ", expected " + expected);
    }
  }
}
