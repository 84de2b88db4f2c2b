package org.tsnext.server.logging;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.logging.log4j.core.Layout;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.config.Node;
import org.apache.logging.log4j.core.config.plugins.Plugin;
import org.apache.logging.log4j.core.config.plugins.PluginFactory;
import org.apache.logging.log4j.core.layout.AbstractStringLayout;

/**
 * One JSON object a line, for users' log4j2 files: time, level, thread, logger, message, and the
 * stack trace if there is one. Lines of metrics are their parts instead, with the members that the
 * layout of this name had in TorchServe 0.12.
 */
@Plugin(name = "JSONPatternLayout", category = Node.CATEGORY, elementType = Layout.ELEMENT_TYPE)
public final class JsonLinesLayout extends AbstractStringLayout {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final Set<String> METRIC_LOGGERS = Set.of("TS_METRICS", "MODEL_METRICS");
  private static final Pattern METRIC =
      Pattern.compile(
          "(?<name>.+)\\.(?<unit>[^.:|]+):(?<value>[^|]*)\\|#(?<dimensions>[^|]*)"
              + "\\|#hostname:(?<host>[^,]*)(?:,requestID:(?<request>.*))?,timestamp:(?<time>\\d+)");

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
    String message = event.getMessage().getFormattedMessage();
    if (METRIC_LOGGERS.contains(event.getLoggerName())) {
      Matcher metric = METRIC.matcher(message);
      if (metric.matches()) {
        return line(metric(metric));
      }
    }
    JsonObject json = new JsonObject();
    json.addProperty("time", Instant.ofEpochMilli(event.getTimeMillis()).toString());
    json.addProperty("level", event.getLevel().name());
    json.addProperty("thread", event.getThreadName());
    json.addProperty("logger", event.getLoggerName());
    json.addProperty("message", message);
    if (event.getThrown() != null) {
      json.addProperty("exception", trace(event.getThrown()));
    }
    return line(json);
  }

  @Override
  public String getContentType() {
    return "application/json; charset=UTF-8";
  }

  private static JsonObject metric(Matcher metric) {
    JsonObject json = new JsonObject();
    json.addProperty("MetricName", metric.group("name"));
    json.add("Value", number(metric.group("value")));
    json.addProperty("Unit", metric.group("unit"));
    json.add("Dimensions", dimensions(metric.group("dimensions")));
    json.addProperty("Timestamp", Long.parseLong(metric.group("time")));
    if (metric.group("request") != null) {
      json.addProperty("RequestId", metric.group("request"));
    }
    json.addProperty("HostName", metric.group("host"));
    return json;
  }

  private static JsonPrimitive number(String text) {
    try {
      return new JsonPrimitive(new BigDecimal(text));
    } catch (NumberFormatException e) {
      return new JsonPrimitive(text); // NaN and the infinities, which JSON does not know
    }
  }

  /** What has no colon belongs to the value before it, which had a comma. */
  private static JsonArray dimensions(String text) {
    JsonArray all = new JsonArray();
    for (String part : text.split(",(?=[^,]*:)", -1)) {
      int colon = part.indexOf(':');
      if (colon > 0) {
        JsonObject one = new JsonObject();
        one.addProperty("Name", part.substring(0, colon));
        one.addProperty("Value", part.substring(colon + 1));
        all.add(one);
      }
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
