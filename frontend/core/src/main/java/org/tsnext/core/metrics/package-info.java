/**
 * Metrics: definitions, series that take values from any thread, and a registry to read them from.
 *
 * <p>A registry of our own, because the common ones cannot say what dashboards and alert rules of
 * TorchServe 0.12 read: since version 0.10 the Java client of Prometheus appends {@code _total} to
 * the names of counters, adds {@code _created} series, and refuses names such as {@code
 * Requests2XX} as counters without that suffix. It is small because it knows no formats: who
 * exposes or logs metrics reads the registry.
 *
 * <p>Nothing is global. A {@link org.tsnext.core.metrics.MetricRegistry} holds a {@link
 * org.tsnext.core.metrics.MetricFamily} per {@link org.tsnext.core.metrics.MetricDefinition}; a
 * recording class keeps the {@link org.tsnext.core.metrics.Recorder} of each series it feeds.
 */
package org.tsnext.core.metrics;
