package org.tsnext.http.metrics;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.tsnext.core.metrics.Exemplar;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;

/**
 * Writes metrics in the text format 0.0.4 of Prometheus, in the very shape that TorchServe 0.12
 * gave it, whose label sets end with a comma.
 */
final class PrometheusText extends MetricsText {

  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private PrometheusText(Predicate<String> wanted) {
    super(wanted, ",}");
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

  @Override
  void head(MetricFamily family) {
    String name = family.exposedName();
    page.append("# HELP ").append(name).append(' ');
    escaped(help(family.definition()), false);
    page.append("\n# TYPE ").append(name).append(' ').append(family.definition().type().word());
    page.append('\n');
  }

  @Override
  String count(long count) {
    return number((double) count);
  }

  @Override
  boolean showsSum(List<Double> bounds) {
    return true;
  }

  @Override
  void exemplar(Optional<Exemplar> ofBucket) {
    // The format has none.
  }
}
