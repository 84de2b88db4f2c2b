package org.tsnext.http.metrics;

import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.tsnext.core.metrics.Exemplar;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.http.request.WeightedValue;

/**
 * Writes metrics in the format OpenMetrics 1.0, with exemplars. Samples have the names that they
 * have in the text format, so that dashboards find them whatever a scraper asks for: a counter
 * whose name does not end with {@code _total}, as the format wants it, is of unknown type here.
 */
final class OpenMetricsText extends MetricsText {

  static final String CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

  /** The ranges that the other format is in; of several the first counts, by RFC 9110. */
  private static final List<String> TEXT_RANGES = List.of("text/plain", "text/*", "*/*");

  private static final Set<String> VERSIONS = Set.of("1.0.0", "0.0.1");
  private static final String TOTAL = "_total";

  private final Set<String> families = new HashSet<>();

  private OpenMetricsText(Predicate<String> wanted) {
    super(wanted, "}");
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

  @Override
  void head(MetricFamily family) {
    MetricDefinition definition = family.definition();
    String sample = family.exposedName();
    String name = familyName(definition.type(), sample);
    String type =
        definition.type() == MetricType.COUNTER && name.equals(sample)
            ? "unknown"
            : definition.type().word();
    page.append("# HELP ").append(name).append(' ');
    escaped(help(definition), true);
    page.append("\n# TYPE ").append(name).append(' ').append(type).append('\n');
    String unit = definition.unit().toLowerCase(Locale.ROOT);
    if (name.endsWith("_" + unit) && unit.matches("[a-z0-9_]+")) {
      page.append("# UNIT ").append(name).append(' ').append(unit).append('\n');
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

  @Override
  String count(long count) {
    return Long.toString(count);
  }

  /** With buckets below zero the sum may fall, which the format does not allow. */
  @Override
  boolean showsSum(List<Double> bounds) {
    return bounds.isEmpty() || bounds.get(0) >= 0;
  }

  @Override
  void exemplar(Optional<Exemplar> ofBucket) {
    ofBucket.ifPresent(
        exemplar ->
            page.append(" # {trace_id=\"")
                .append(exemplar.traceId())
                .append("\"} ")
                .append(number(exemplar.value()))
                .append(' ')
                .append(seconds(exemplar.time())));
  }

  private static String seconds(Instant time) {
    return String.format(Locale.ROOT, "%.3f", time.toEpochMilli() / 1e3);
  }

  /** Whether a client that sends these headers {@code Accept} prefers this format to the other. */
  static boolean isPreferred(List<String> accept) {
    double ours = 0;
    Map<String, Double> text = new HashMap<>();
    for (WeightedValue range : WeightedValue.all(accept)) {
      if (range.value().equals("application/openmetrics-text") && isKnown(range)) {
        ours = Math.max(ours, range.weight(1));
      } else if (TEXT_RANGES.contains(range.value())) {
        text.merge(range.value(), range.weight(1), Math::max);
      }
    }
    double ofText =
        TEXT_RANGES.stream().filter(text::containsKey).findFirst().map(text::get).orElse(0.0);
    return ours > 0 && ours >= ofText;
  }

  /** Without a version, or with one that this format is. */
  private static boolean isKnown(WeightedValue range) {
    return VERSIONS.contains(range.parameter("version").orElse("1.0.0"));
  }
}
