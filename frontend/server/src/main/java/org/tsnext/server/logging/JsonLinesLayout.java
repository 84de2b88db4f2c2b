package org.tsnext.server.logging;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.logging.log4j.core.Layout;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.config.Node;
import org.apache.logging.log4j.core.config.plugins.Plugin;
import org.apache.logging.log4j.core.config.plugins.PluginFactory;
import org.apache.logging.log4j.core.layout.AbstractStringLayout;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;

/**
 * One JSON object a line, for users' log4j2 files: time, level, thread, logger, message, and the
 * stack trace if there is one. Lines of metrics are their parts instead, with the members that the
 * layout of this name had in TorchServe 0.12.
 */
@Plugin(name = "JSONPatternLayout", category = Node.CATEGORY, elementType = Layout.ELEMENT_TYPE)
public final class JsonLinesLayout extends AbstractStringLayout {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private JsonLinesLayout() {
    super(StandardCharsets.UTF_8);
  }

  /** Called by log4j for {@code <JSONPatternLayout/>}. */
  @PluginFactory
  public static JsonLinesLayout create() {
    return new JsonLinesLayout();
  }

  @Override
  public String toSerializable(LogEvent event) {
    if (event.getMessage() instanceof MetricLogMessage metric) {
      return line(metric(metric));
    }
    JsonObject json = new JsonObject();
    json.addProperty("time", Instant.ofEpochMilli(event.getTimeMillis()).toString());
    json.addProperty("level", event.getLevel().name());
    json.addProperty("thread", event.getThreadName());
    json.addProperty("logger", event.getLoggerName());
    json.addProperty("message", event.getMessage().getFormattedMessage());
    if (event.getThrown() != null) {
      json.addProperty("exception", trace(event.getThrown()));
    }
    return line(json);
  }

  @Override
  public String getContentType() {
    return "application/json; charset=UTF-8";
  }

  private static JsonObject metric(MetricLogMessage metric) {
    MetricSample sample = metric.sample();
    JsonObject json = new JsonObject();
    json.addProperty("MetricName", PrintableLine.withLineFeeds(sample.name()));
    json.add("Value", number(sample.value()));
    json.addProperty("Unit", PrintableLine.withLineFeeds(metric.unit()));
    json.add("Dimensions", dimensions(sample));
    json.addProperty("Timestamp", sample.time().getEpochSecond());
    if (!sample.requestIds().isEmpty()) {
      json.addProperty("RequestId", PrintableLine.withLineFeeds(sample.requestIds()));
    }
    json.addProperty("HostName", metric.host());
    return json;
  }

  /** NaN and the infinities as texts, since JSON does not know them. */
  private static JsonPrimitive number(double value) {
    return Double.isFinite(value)
        ? new JsonPrimitive(value)
        : new JsonPrimitive(Double.toString(value));
  }

  private static JsonArray dimensions(MetricSample sample) {
    JsonArray all = new JsonArray();
    for (Header dimension : sample.dimensions()) {
      JsonObject one = new JsonObject();
      one.addProperty("Name", PrintableLine.withLineFeeds(dimension.name()));
      one.addProperty("Value", PrintableLine.withLineFeeds(dimension.value()));
      all.add(one);
    }
    return all;
  }

  private static String trace(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  private static String line(JsonObject json) {
    return GSON.toJson(json) + "\n";
  }
}
