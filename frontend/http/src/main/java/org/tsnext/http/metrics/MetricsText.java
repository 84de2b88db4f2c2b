package org.tsnext.http.metrics;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.tsnext.core.metrics.Exemplar;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.Series;
import org.tsnext.core.metrics.SingleValue;

/** Writes metrics as text: what the formats have in common. For one page. */
abstract class MetricsText {

  private static final int ROUGH_SIZE = 16 * 1024;

  final StringBuilder page = new StringBuilder(ROUGH_SIZE);

  private final Predicate<String> wanted;
  private final String labelsEnd;

  /**
   * @param wanted whether samples with that name are shown; a metric none of whose samples are
   *     shown is left out
   * @param labelsEnd what follows the last label of a sample
   */
  MetricsText(Predicate<String> wanted, String labelsEnd) {
    this.wanted = wanted;
    this.labelsEnd = labelsEnd;
  }

  /** Writes the lines in front of the samples. */
  abstract void head(MetricFamily family);

  /** How a number of values is written. */
  abstract String count(long count);

  /** Whether a histogram with these bounds shows the sum of its values. */
  abstract boolean showsSum(List<Double> bounds);

  /** Writes what follows the count of a bucket. */
  abstract void exemplar(Optional<Exemplar> ofBucket);

  final void family(MetricFamily family) {
    int before = page.length();
    head(family);
    int samples = page.length();
    family.forEach((values, series) -> series(family, values, series));
    if (page.length() == samples && !wanted.test(family.exposedName())) {
      page.setLength(before);
    }
  }

  private void series(MetricFamily family, List<String> values, Series series) {
    if (series instanceof SingleValue single) {
      if (wanted.test(family.exposedName())) {
        sample(family, "", values, "", number(single.value()));
        page.append('\n');
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
        String bound = i < bounds.size() ? number(bounds.get(i)) : "+Inf";
        sample(family, "_bucket", values, bound, count(reading.upTo(i)));
        exemplar(histogram.exemplar(i));
        page.append('\n');
      }
    }
    if (wanted.test(name + "_count")) {
      sample(family, "_count", values, "", count(reading.count()));
      page.append('\n');
    }
    if (wanted.test(name + "_sum") && showsSum(bounds)) {
      sample(family, "_sum", values, "", number(reading.sum()));
      page.append('\n');
    }
  }

  /**
   * @param bound of a bucket, or empty
   */
  private void sample(
      MetricFamily family, String suffix, List<String> values, String bound, String value) {
    page.append(family.exposedName()).append(suffix);
    labels(family.exposedDimensions(), values, bound);
    page.append(' ').append(value);
  }

  private void labels(List<String> names, List<String> values, String bound) {
    if (names.isEmpty() && bound.isEmpty()) {
      return;
    }
    char separator = '{';
    for (int i = 0; i < names.size(); i++) {
      page.append(separator).append(names.get(i)).append("=\"");
      escaped(values.get(i), true);
      page.append('"');
      separator = ',';
    }
    if (!bound.isEmpty()) {
      page.append(separator).append("le=\"").append(bound).append('"');
    }
    page.append(labelsEnd);
  }

  /** What is said of a metric to people. */
  static String help(MetricDefinition definition) {
    return "Torchserve prometheus "
        + definition.type().word()
        + " metric with unit: "
        + definition.unit();
  }

  static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    return Double.toString(value);
  }

  /**
   * Writes text that may hold anything.
   *
   * @param quotes whether double quotes are escaped, too
   */
  final void escaped(String text, boolean quotes) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\\' -> page.append("\\\\");
        case '"' -> page.append(quotes ? "\\\"" : "\"");
        case '\n' -> page.append("\\n");
        default -> page.append(c);
      }
    }
  }
}
