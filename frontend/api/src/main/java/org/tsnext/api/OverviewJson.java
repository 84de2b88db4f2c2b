package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;
import org.tsnext.core.history.Figure;
import org.tsnext.core.history.ModelSample;
import org.tsnext.core.history.ModelSampler;
import org.tsnext.core.history.RecentLines;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.worker.WorkerError;

/**
 * What is seen of the models at a glance, as JSON. Times are in UTC, lengths in seconds; a figure
 * that has no value is left out, or null within a history.
 */
public final class OverviewJson {

  private static final MathContext DIGITS = new MathContext(4);

  /** Values of a history that become one in the history of an overview. */
  private static final int VALUES_PER_POINT = 5;

  private static final int MAX_REASON = 300;

  private OverviewJson() {}

  /** The beginning of a stream: how often samples come, and the rates of the last minutes. */
  public static JsonObject start(ModelSampler sampler) {
    JsonObject json = new JsonObject();
    json.addProperty("type", "start");
    json.addProperty("periodSeconds", ModelSampler.PERIOD.toSeconds());
    JsonArray rates = new JsonArray();
    sampler
        .latest()
        .ifPresent(
            sample ->
                sample
                    .versions()
                    .forEach(
                        version ->
                            rates.add(rates(sampler, version.description().identity().id()))));
    json.add("rates", rates);
    return json;
  }

  private static JsonObject rates(ModelSampler sampler, VersionId id) {
    JsonObject json = id(id);
    float[] values = sampler.history(id, Figure.RATE);
    JsonArray points = new JsonArray();
    // The newest values fill their point; the oldest point may have fewer.
    int from = 0;
    for (int end = values.length % VALUES_PER_POINT;
        end <= values.length;
        end += VALUES_PER_POINT) {
      if (end > 0) {
        points.add(value(mean(values, from, end)));
      }
      from = end;
    }
    json.add("points", points);
    return json;
  }

  private static float mean(float[] values, int from, int to) {
    float sum = 0;
    int count = 0;
    for (int i = from; i < to; i++) {
      if (!Float.isNaN(values[i])) {
        sum += values[i];
        count++;
      }
    }
    return count == 0 ? Float.NaN : sum / count;
  }

  /** All versions at one moment. */
  public static JsonObject sample(ModelSample sample) {
    JsonObject json = new JsonObject();
    json.addProperty("type", "sample");
    json.addProperty("time", DescriptionRenderer.time(sample.time()));
    json.addProperty("ready", sample.readiness().ready());
    json.addProperty("reason", cut(sample.readiness().reason()));
    JsonArray missing = new JsonArray();
    for (HealthReport.ShortModel model : sample.readiness().notReady()) {
      missing.add(model.name());
    }
    json.add("notReady", missing);
    JsonArray models = new JsonArray();
    sample.versions().forEach(version -> models.add(version(version)));
    json.add("models", models);
    return json;
  }

  private static JsonObject version(ModelSample.Version version) {
    ModelDescription description = version.description();
    JsonObject json = id(description.identity().id());
    json.addProperty("default", description.identity().defaultVersion());
    json.addProperty("state", description.condition().diagnosis().state().name());
    json.addProperty("reason", cut(description.condition().diagnosis().reason()));
    json.addProperty(
        "lastError", cut(description.condition().lastError().map(WorkerError::summary).orElse("")));
    json.addProperty("minWorkers", description.settings().workers().min());
    json.addProperty("maxWorkers", description.settings().workers().max());
    json.addProperty(
        "restarts",
        description.condition().workers().stream()
            .mapToInt(worker -> worker.history().restarts())
            .sum());
    JsonObject figures = new JsonObject();
    for (Figure figure : Figure.values()) {
      float value = version.figures().get(figure);
      if (!Float.isNaN(value)) {
        figures.add(name(figure), value(value));
      }
    }
    json.add("figures", figures);
    return json;
  }

  /** The figures of a version over the last minutes, the oldest first. */
  public static JsonObject history(ModelSampler sampler, VersionId id) {
    JsonObject json = id(id);
    json.addProperty("periodSeconds", ModelSampler.PERIOD.toSeconds());
    sampler
        .latest()
        .ifPresent(last -> json.addProperty("end", DescriptionRenderer.time(last.time())));
    JsonObject figures = new JsonObject();
    for (Figure figure : Figure.values()) {
      JsonArray values = new JsonArray();
      for (float value : sampler.history(id, figure)) {
        values.add(value(value));
      }
      figures.add(name(figure), values);
    }
    json.add("figures", figures);
    return json;
  }

  /** Lines of a log. */
  public static JsonObject lines(List<RecentLines.Line> lines) {
    JsonArray array = new JsonArray();
    for (RecentLines.Line line : lines) {
      JsonObject json = new JsonObject();
      json.addProperty("number", line.number());
      json.addProperty("time", DescriptionRenderer.time(line.time()));
      json.addProperty("worker", line.worker());
      json.addProperty("stderr", line.stderr());
      json.addProperty("text", line.text());
      array.add(json);
    }
    JsonObject json = new JsonObject();
    json.add("lines", array);
    return json;
  }

  private static JsonObject id(VersionId id) {
    JsonObject json = new JsonObject();
    json.addProperty("name", id.name());
    json.addProperty("version", id.version());
    return json;
  }

  /** {@code queueSeconds} for {@code QUEUE_SECONDS}. */
  private static String name(Figure figure) {
    StringBuilder name = new StringBuilder();
    for (String word : figure.name().toLowerCase(Locale.ROOT).split("_", -1)) {
      name.append(
          name.isEmpty() ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
    }
    return name.toString();
  }

  private static JsonElement value(float value) {
    return Float.isNaN(value) || Float.isInfinite(value)
        ? JsonNull.INSTANCE
        : new JsonPrimitive(new BigDecimal(value).round(DIGITS).stripTrailingZeros());
  }

  private static String cut(String text) {
    return text.length() > MAX_REASON ? text.substring(0, MAX_REASON) + "..." : text;
  }
}
