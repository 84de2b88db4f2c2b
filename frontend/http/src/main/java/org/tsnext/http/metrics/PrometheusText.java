package org.tsnext.http.metrics;

import java.util.List;
import java.util.function.Predicate;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.Series;
import org.tsnext.core.metrics.SingleValue;

/**
 * Writes metrics in the text format 0.0.4 of Prometheus, in the very shape that TorchServe 0.12
 * gave it, whose label sets end with a comma.
 */
final class PrometheusText {

  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private static final int ROUGH_SIZE = 16 * 1024;

  private final Predicate<String> wanted;
  private final StringBuilder page = new StringBuilder(ROUGH_SIZE);

  private PrometheusText(Predicate<String> wanted) {
    this.wanted = wanted;
  }

  /**
   * Writes a page.
   *
   * @param wanted whether samples with that name are shown; a metric none of whose samples are
   *     shown is left out
   */
  static String of(MetricRegistry registry, Predicate<String> wanted) {
    PrometheusText text = new PrometheusText(wanted);
    registry.families().forEach(text::family);
    return text.page.toString();
  }

  private void family(MetricFamily family) {
    int before = page.length();
    MetricDefinition definition = family.definition();
    String name = family.exposedName();
    page.append("# HELP ").append(name).append(' ');
    appendHelp(
        "Torchserve prometheus "
            + definition.type().word()
            + " metric with unit: "
            + definition.unit());
    page.append("\n# TYPE ").append(name).append(' ').append(definition.type().word());
    page.append('\n');
    int samples = page.length();
    family.forEach((values, series) -> series(family, values, series));
    if (page.length() == samples && !wanted.test(name)) {
      page.setLength(before);
    }
  }

  private void series(MetricFamily family, List<String> values, Series series) {
    if (series instanceof SingleValue single) {
      if (wanted.test(family.exposedName())) {
        page.append(family.exposedName());
        labels(family, values, "");
        value(single.value());
      }
    } else if (series instanceof Histogram histogram) {
      histogram(family, values, histogram.read());
    }
  }

  private void histogram(MetricFamily family, List<String> values, Histogram.Reading reading) {
    String name = family.exposedName();
    String bucket = name + "_bucket";
    if (wanted.test(bucket)) {
      List<Double> bounds = family.definition().bounds();
      for (int i = 0; i < bounds.size(); i++) {
        page.append(bucket);
        labels(family, values, number(bounds.get(i)));
        value((double) reading.upTo(i));
      }
      page.append(bucket);
      labels(family, values, "+Inf");
      value((double) reading.count());
    }
    if (wanted.test(name + "_count")) {
      page.append(name).append("_count");
      labels(family, values, "");
      value((double) reading.count());
    }
    if (wanted.test(name + "_sum")) {
      page.append(name).append("_sum");
      labels(family, values, "");
      value(reading.sum());
    }
  }

  /**
   * @param bound of a bucket, or empty
   */
  private void labels(MetricFamily family, List<String> values, String bound) {
    List<String> names = family.exposedDimensions();
    if (names.isEmpty() && bound.isEmpty()) {
      return;
    }
    page.append('{');
    for (int i = 0; i < names.size(); i++) {
      page.append(names.get(i)).append("=\"");
      appendValue(values.get(i));
      page.append("\",");
    }
    if (!bound.isEmpty()) {
      page.append("le=\"").append(bound).append("\",");
    }
    page.append('}');
  }

  private void value(double value) {
    page.append(' ').append(number(value)).append('\n');
  }

  private static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    return Double.toString(value);
  }

  private void appendValue(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\\' -> page.append("\\\\");
        case '"' -> page.append("\\\"");
        case '\n' -> page.append("\\n");
        default -> page.append(c);
      }
    }
  }

  private void appendHelp(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\\' -> page.append("\\\\");
        case '\n' -> page.append("\\n");
        default -> page.append(c);
      }
    }
  }
}
