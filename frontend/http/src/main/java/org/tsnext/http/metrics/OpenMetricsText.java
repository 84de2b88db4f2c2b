package org.tsnext.http.metrics;

import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.tsnext.core.metrics.Exemplar;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.metrics.Series;
import org.tsnext.core.metrics.SingleValue;

/**
 * Writes metrics in the format OpenMetrics 1.0, with exemplars. Samples have the names that they
 * have in the text format, so that dashboards find them whatever a scraper asks for: a counter
 * whose name does not end with {@code _total}, as the format wants it, is of unknown type here.
 */
final class OpenMetricsText {

  static final String CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

  private static final String TOTAL = "_total";
  private static final int ROUGH_SIZE = 16 * 1024;

  private final Predicate<String> wanted;
  private final Set<String> families = new HashSet<>();
  private final StringBuilder page = new StringBuilder(ROUGH_SIZE);

  private OpenMetricsText(Predicate<String> wanted) {
    this.wanted = wanted;
  }

  /**
   * Writes a page.
   *
   * @param wanted whether samples with that name are shown; a metric none of whose samples are
   *     shown is left out
   */
  static String of(MetricRegistry registry, Predicate<String> wanted) {
    OpenMetricsText text = new OpenMetricsText(wanted);
    List<MetricFamily> all = registry.families();
    all.forEach(family -> text.families.add(family.exposedName()));
    all.forEach(text::family);
    return text.page.append("# EOF\n").toString();
  }

  private void family(MetricFamily family) {
    int before = page.length();
    MetricDefinition definition = family.definition();
    String sample = family.exposedName();
    String name = familyName(definition.type(), sample);
    String type =
        definition.type() == MetricType.COUNTER && name.equals(sample)
            ? "unknown"
            : definition.type().word();
    page.append("# HELP ").append(name).append(' ');
    appendText(
        "Torchserve prometheus "
            + definition.type().word()
            + " metric with unit: "
            + definition.unit());
    page.append("\n# TYPE ").append(name).append(' ').append(type).append('\n');
    String unit = definition.unit().toLowerCase(Locale.ROOT);
    if (name.endsWith("_" + unit) && unit.matches("[a-z0-9_]+")) {
      page.append("# UNIT ").append(name).append(' ').append(unit).append('\n');
    }
    int samples = page.length();
    family.forEach((values, series) -> series(family, values, series));
    if (page.length() == samples && !wanted.test(sample)) {
      page.setLength(before);
    }
  }

  /** A counter is called without {@code _total}, unless that is the name of another metric. */
  private String familyName(MetricType type, String sample) {
    if (type != MetricType.COUNTER || !sample.endsWith(TOTAL) || sample.equals(TOTAL)) {
      return sample;
    }
    String name = sample.substring(0, sample.length() - TOTAL.length());
    return families.contains(name) ? sample : name;
  }

  private void series(MetricFamily family, List<String> values, Series series) {
    if (series instanceof SingleValue single) {
      if (wanted.test(family.exposedName())) {
        page.append(family.exposedName());
        labels(family, values, "");
        page.append(' ').append(number(single.value())).append('\n');
      }
    } else if (series instanceof Histogram histogram) {
      histogram(family, values, histogram);
    }
  }

  private void histogram(MetricFamily family, List<String> values, Histogram histogram) {
    Histogram.Reading reading = histogram.read();
    String name = family.exposedName();
    List<Double> bounds = family.definition().bounds();
    if (wanted.test(name + "_bucket")) {
      for (int i = 0; i <= bounds.size(); i++) {
        page.append(name).append("_bucket");
        labels(family, values, i < bounds.size() ? number(bounds.get(i)) : "+Inf");
        page.append(' ').append(count(reading.upTo(i)));
        histogram.exemplar(i).ifPresent(this::exemplar);
        page.append('\n');
      }
    }
    if (wanted.test(name + "_count")) {
      page.append(name).append("_count");
      labels(family, values, "");
      page.append(' ').append(count(reading.count())).append('\n');
    }
    // With buckets below zero the sum may fall, which the format does not allow.
    if (wanted.test(name + "_sum") && (bounds.isEmpty() || bounds.get(0) >= 0)) {
      page.append(name).append("_sum");
      labels(family, values, "");
      page.append(' ').append(number(reading.sum())).append('\n');
    }
  }

  private void exemplar(Exemplar exemplar) {
    page.append(" # {trace_id=\"")
        .append(exemplar.traceId())
        .append("\"} ")
        .append(number(exemplar.value()))
        .append(' ')
        .append(seconds(exemplar.time()));
  }

  private static String seconds(Instant time) {
    return String.format(Locale.ROOT, "%.3f", time.toEpochMilli() / 1e3);
  }

  private static String count(long count) {
    return Long.toString(count);
  }

  /**
   * @param bound of a bucket, or empty
   */
  private void labels(MetricFamily family, List<String> values, String bound) {
    List<String> names = family.exposedDimensions();
    if (names.isEmpty() && bound.isEmpty()) {
      return;
    }
    String separator = "{";
    for (int i = 0; i < names.size(); i++) {
      page.append(separator).append(names.get(i)).append("=\"");
      appendText(values.get(i));
      page.append('"');
      separator = ",";
    }
    if (!bound.isEmpty()) {
      page.append(separator).append("le=\"").append(bound).append('"');
    }
    page.append('}');
  }

  private static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    return Double.toString(value);
  }

  private void appendText(String text) {
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

  /** Whether a client that sends this header {@code Accept} prefers this format to the other. */
  static boolean isPreferred(Optional<String> accept) {
    double ours = 0;
    double text = 0;
    for (String range : accept.orElse("").split(",", -1)) {
      String[] parts = range.split(";", -1);
      String type = parts[0].strip().toLowerCase(Locale.ROOT);
      double quality = quality(parts);
      if (type.equals("application/openmetrics-text") && isKnown(parts)) {
        ours = Math.max(ours, quality);
      } else if (type.equals("text/plain")) {
        text = Math.max(text, quality);
      }
    }
    return ours > 0 && ours >= text;
  }

  /** Without a version, or with one that this format is. */
  private static boolean isKnown(String[] parts) {
    for (int i = 1; i < parts.length; i++) {
      String parameter = parts[i].strip().toLowerCase(Locale.ROOT);
      if (parameter.startsWith("version=")) {
        return parameter.equals("version=1.0.0") || parameter.equals("version=0.0.1");
      }
    }
    return true;
  }

  private static double quality(String[] parts) {
    for (int i = 1; i < parts.length; i++) {
      String parameter = parts[i].strip().toLowerCase(Locale.ROOT);
      if (parameter.matches("q=(0(\\.[0-9]{0,3})?|1(\\.0{0,3})?)")) {
        return Double.parseDouble(parameter.substring(2));
      }
    }
    return 1;
  }
}
