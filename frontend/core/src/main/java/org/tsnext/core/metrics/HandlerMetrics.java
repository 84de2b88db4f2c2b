package org.tsnext.core.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.PrintableText;
import org.tsnext.core.request.Header;

/**
 * The metrics that handlers emit. A sample finds its series by the names of its dimensions; one
 * that finds none is left out, which is said once per metric.
 */
final class HandlerMetrics {

  private static final Logger LOGGER = LoggerFactory.getLogger(HandlerMetrics.class);

  private static final String HOSTNAME = "Hostname";

  /** A handler that makes up names must not fill the memory. */
  private static final int MAX_DETECTED = 1000;

  /** Of a name or a value, in characters: each that is accepted is kept. */
  private static final int MAX_TEXT = 1024;

  private final MetricRegistry registry;
  private final boolean autoDetect;
  private final String host;
  private final SampleListener listener;
  private final Map<String, MetricFamily> families = new ConcurrentHashMap<>();
  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  /**
   * @param declared without the host name
   */
  HandlerMetrics(
      MetricRegistry registry,
      List<MetricDefinition> declared,
      boolean autoDetect,
      String host,
      SampleListener listener) {
    this.registry = registry;
    this.autoDetect = autoDetect;
    this.host = host;
    this.listener = listener;
    declared.forEach(this::register);
  }

  /**
   * Records a sample.
   *
   * @param group of the model version that emitted it
   */
  void record(MetricSample sample, SeriesGroup group) {
    if (isTooLong(sample)) {
      report(
          sample,
          "a name or a value has more than " + MAX_TEXT + " characters, expected at most that");
      return;
    }
    MetricFamily family = families.get(sample.name());
    if (family == null) {
      family = detect(sample);
    }
    if (family == null) {
      return;
    }
    Optional<List<String>> values = values(family.definition().dimensions(), sample.dimensions());
    if (values.isEmpty()) {
      report(
          sample,
          "it has the dimensions %s, expected %s"
              .formatted(names(sample), family.definition().dimensions()));
      return;
    }
    group.series(family, values.get()).record(sample.value());
    listener.recorded(sample, family.definition().unit());
  }

  /** The family of a metric that was not declared, or null if it is not wanted. */
  private MetricFamily detect(MetricSample sample) {
    if (!autoDetect) {
      report(
          sample,
          "metrics_config does not declare it under model_metrics, and model_metrics_auto_detect is"
              + " false");
      return null;
    }
    synchronized (this) {
      MetricFamily found = families.get(sample.name());
      if (found != null) {
        return found;
      }
      if (families.size() >= MAX_DETECTED) {
        report(sample, "there are " + families.size() + " metrics of handlers already");
        return null;
      }
      try {
        return register(
            MetricDefinition.of(sample.name(), sample.type(), sample.unit(), names(sample)));
      } catch (IllegalArgumentException e) {
        report(sample, e.getMessage());
        return null;
      }
    }
  }

  private MetricFamily register(MetricDefinition declared) {
    MetricDefinition definition =
        declared.dimensions().contains(HOSTNAME) ? declared : declared.withDimension(HOSTNAME);
    MetricFamily family = registry.register(definition);
    families.put(definition.name(), family);
    return family;
  }

  /** The value of each dimension, or empty if the sample lacks one. */
  private Optional<List<String>> values(List<String> dimensions, List<Header> given) {
    List<String> values = new ArrayList<>(dimensions.size());
    for (String dimension : dimensions) {
      String value = valueOf(dimension, given);
      if (value == null) {
        return Optional.empty();
      }
      values.add(value);
    }
    return Optional.of(values);
  }

  private String valueOf(String dimension, List<Header> given) {
    for (Header each : given) {
      if (each.name().equals(dimension)) {
        return each.value();
      }
    }
    return dimension.equals(HOSTNAME) ? host : null;
  }

  private static boolean isTooLong(MetricSample sample) {
    if (sample.name().length() > MAX_TEXT || sample.unit().length() > MAX_TEXT) {
      return true;
    }
    for (Header each : sample.dimensions()) {
      if (each.name().length() > MAX_TEXT || each.value().length() > MAX_TEXT) {
        return true;
      }
    }
    return false;
  }

  private static List<String> names(MetricSample sample) {
    return sample.dimensions().stream().map(Header::name).toList();
  }

  private void report(MetricSample sample, String reason) {
    String name = PrintableText.of(sample.name());
    if (reported.size() < MAX_DETECTED && reported.add(name)) {
      LOGGER.warn(
          "Metric {} of type {} is left out: {}",
          name,
          sample.type().word(),
          PrintableText.of(reason));
    }
  }
}
