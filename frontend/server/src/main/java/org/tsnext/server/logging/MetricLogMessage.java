package org.tsnext.server.logging;

import java.util.Objects;
import org.apache.logging.log4j.message.AsynchronouslyFormattable;
import org.apache.logging.log4j.message.Message;
import org.apache.logging.log4j.util.StringBuilderFormattable;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;

/**
 * A sample as a line: {@code
 * Name.Unit:1.0|#ModelName:m,Level:Model|#hostname:h,requestID:r,timestamp:1700000000}. Immutable,
 * so that any thread may format it. Names and values come from handlers: a control character would
 * forge a line of its own.
 */
@AsynchronouslyFormattable
final class MetricLogMessage implements Message, StringBuilderFormattable {
  private static final long serialVersionUID = 1;

  private final transient MetricSample sample;
  private final String unit;
  private final String host;

  MetricLogMessage(MetricSample sample, String unit, String host) {
    this.sample = Objects.requireNonNull(sample, "sample");
    this.unit = Objects.requireNonNull(unit, "unit");
    this.host = Objects.requireNonNull(host, "host");
  }

  MetricSample sample() {
    return sample;
  }

  /** The word of the declaration, whatever the sample says. */
  String unit() {
    return unit;
  }

  String host() {
    return host;
  }

  @Override
  public void formatTo(StringBuilder line) {
    PrintableLine.appendField(line, sample.name()).append('.');
    PrintableLine.appendField(line, unit).append(':').append(sample.value()).append("|#");
    String separator = "";
    for (Header dimension : sample.dimensions()) {
      line.append(separator);
      PrintableLine.appendField(line, dimension.name()).append(':');
      PrintableLine.appendField(line, dimension.value());
      separator = ",";
    }
    line.append("|#hostname:").append(host);
    if (!sample.requestIds().isEmpty()) {
      PrintableLine.appendField(line.append(",requestID:"), sample.requestIds());
    }
    line.append(",timestamp:").append(sample.time().getEpochSecond());
  }

  @Override
  public String getFormattedMessage() {
    StringBuilder line = new StringBuilder(160);
    formatTo(line);
    return line.toString();
  }

  @Override
  public Object[] getParameters() {
    return new Object[0];
  }

  @Override
  public Throwable getThrowable() {
    return null;
  }
}
