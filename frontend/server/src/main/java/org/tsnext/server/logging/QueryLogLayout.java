package org.tsnext.server.logging;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import org.apache.logging.log4j.core.Layout;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.config.Node;
import org.apache.logging.log4j.core.config.plugins.Plugin;
import org.apache.logging.log4j.core.config.plugins.PluginFactory;
import org.apache.logging.log4j.core.layout.AbstractStringLayout;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;

/**
 * A record of some lines for each metric, the last of them {@code EOE}, for users' log4j2 files.
 * What is no metric is left out.
 */
@Plugin(name = "QLogLayout", category = Node.CATEGORY, elementType = Layout.ELEMENT_TYPE)
public final class QueryLogLayout extends AbstractStringLayout {
  private static final String PROGRAM = "MXNETMODELSERVER_PROGRAM";
  private static final String DEFAULT_PROGRAM = "TorchServe";

  private final String program;
  private final String marketplace;

  /**
   * @param environment the variables {@code MXNETMODELSERVER_PROGRAM}, {@code DOMAIN} and {@code
   *     REALM} are told in each record
   */
  QueryLogLayout(Map<String, String> environment) {
    super(StandardCharsets.UTF_8);
    this.program = Objects.requireNonNullElse(environment.get(PROGRAM), DEFAULT_PROGRAM);
    this.marketplace =
        "%s:%s:%s"
            .formatted(
                program,
                Objects.requireNonNullElse(environment.get("DOMAIN"), ""),
                Objects.requireNonNullElse(environment.get("REALM"), ""));
  }

  /** Called by log4j for {@code <QLogLayout/>}. */
  @PluginFactory
  public static QueryLogLayout create() {
    return new QueryLogLayout(System.getenv());
  }

  @Override
  public String toSerializable(LogEvent event) {
    return event.getMessage() instanceof MetricLogMessage metric ? record(metric) : "";
  }

  private String record(MetricLogMessage metric) {
    MetricSample sample = metric.sample();
    StringBuilder record = new StringBuilder(256);
    record.append("HostName=").append(metric.host());
    if (!sample.requestIds().isEmpty()) {
      PrintableLine.appendField(record.append("\nRequestId="), sample.requestIds());
    }
    record.append("\nMarketplace=").append(marketplace);
    record.append("\nStartTime=").append(sample.time().getEpochSecond());
    record.append("\nProgram=").append(program);
    PrintableLine.appendField(record.append("\nMetrics="), sample.name());
    PrintableLine.appendField(record.append('=').append(sample.value()).append(' '), metric.unit());
    for (Header dimension : sample.dimensions()) {
      PrintableLine.appendField(record.append(' '), dimension.name());
      PrintableLine.appendField(record.append('|'), dimension.value());
    }
    return record.append("\nEOE\n").toString();
  }
}
