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
 * so that any thread may format it.
 */
@AsynchronouslyFormattable
final class MetricLine implements Message, StringBuilderFormattable {
  private static final long serialVersionUID = 1;

  private final transient MetricSample sample;
  private final String unit;
  private final String host;

  MetricLine(MetricSample sample, String unit, String host) {
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
    appendPrintable(line, sample.name()).append('.');
    appendPrintable(line, unit).append(':').append(sample.value()).append("|#");
    String separator = "";
    for (Header dimension : sample.dimensions()) {
      line.append(separator);
      appendPrintable(line, dimension.name()).append(':');
      appendPrintable(line, dimension.value());
      separator = ",";
    }
    line.append("|#hostname:").append(host);
    if (!sample.requestIds().isEmpty()) {
      appendPrintable(line.append(",requestID:"), sample.requestIds());
    }
    line.append(",timestamp:").append(sample.time().getEpochSecond());
  }

  /** Names and values come from handlers: a control character would forge a line of its own. */
  static StringBuilder appendPrintable(StringBuilder line, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(Character.isISOControl(c) ? '?' : c);
    }
    return line;
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
