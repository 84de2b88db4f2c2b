package org.tsnext.server;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.ServingCore;
import org.tsnext.core.metrics.MetricDefinitions;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.SampleListener;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.time.TimerThread;
import org.tsnext.core.tracing.Following;
import org.tsnext.core.tracing.Tracing;
import org.tsnext.core.worker.WorkerUsage;
import org.tsnext.http.MetricsSource;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.logging.ModelMetricsLog;
import org.tsnext.server.logging.ServerMetricsLog;
import org.tsnext.server.metrics.MetricsConfig;
import org.tsnext.server.metrics.MetricsMode;
import org.tsnext.server.metrics.SystemMetrics;
import org.tsnext.server.metrics.SystemMetricsPlan;
import org.tsnext.server.metrics.UsageTable;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.tracing.OpenTelemetryTracing;
import org.tsnext.server.tracing.TraceSwitch;

/** Metrics put together: what is declared, where values come from, and where they are shown. */
final class MetricsWiring {
  private final Settings settings;
  private final ClosingStack parts;
  private final ServerMetrics metrics;
  private final Following following;
  private final UsageTable usage = new UsageTable();

  private MetricsWiring(
      Settings settings, ClosingStack parts, ServerMetrics metrics, Following following) {
    this.settings = settings;
    this.parts = parts;
    this.metrics = metrics;
    this.following = following;
  }

  /**
   * Registers what is declared, and begins to log if the mode says so.
   *
   * @param declarations the file of {@code metrics_config}, if there is any
   * @param environment the process's own, which can switch traces on
   * @param parts closes what is opened here
   * @throws StartException if the declarations cannot be used, with the place
   */
  static MetricsWiring of(
      Settings settings,
      Optional<Path> declarations,
      Map<String, String> environment,
      ClosingStack parts,
      Scheduler timer)
      throws StartException {
    Following following = following(settings, environment, parts);
    MetricsMode mode = MetricsMode.of(settings.get(ServerKeys.METRICS_MODE));
    String host = hostName();
    try {
      ServerMetrics metrics =
          new ServerMetrics(
              new MetricRegistry(settings.get(ServerKeys.METRICS_MAX_SERIES)),
              declarations.isPresent()
                  ? MetricsConfig.read(declarations.get())
                  : MetricDefinitions.defaults(),
              settings.get(ServerKeys.MODEL_METRICS_AUTO_DETECT),
              host,
              mode.logs() ? new ModelMetricsLog(host) : SampleListener.NONE);
      if (mode.logs()) {
        List<MetricFamily> logged =
            metrics.declared().stream()
                .filter(family -> mode.logs(family.definition().name()))
                .toList();
        ServerMetricsLog log =
            parts.add("metrics log", new ServerMetricsLog(logged, host, Clock.system(), timer));
        if (settings.get(ServerKeys.COMPATIBILITY).isOriginal(Deviation.METRICS_LINES)) {
          log.startEachValue();
        } else {
          log.start();
        }
      }
      return new MetricsWiring(settings, parts, metrics, following);
    } catch (IOException | IllegalArgumentException e) {
      throw new StartException(
          "Invalid configuration: metrics_config = %s (%s): %s"
              .formatted(
                  declarations.map(Path::toString).orElse("none"),
                  settings.source(ServerKeys.METRICS_CONFIG),
                  e.getMessage()),
          e);
    }
  }

  private static Following following(
      Settings settings, Map<String, String> environment, ClosingStack parts)
      throws StartException {
    Optional<Tracing> tracing = Optional.empty();
    if (TraceSwitch.isOn(environment)) {
      try {
        tracing =
            Optional.of(
                parts.add(
                    "traces",
                    OpenTelemetryTracing.start(environment, Version.current(), Clock.system())));
      } catch (IllegalArgumentException e) {
        throw new StartException("Invalid configuration: " + e.getMessage(), e);
      }
    }
    return new Following(settings.get(ServerKeys.SERVER_TIMING), tracing);
  }

  /** Which requests are followed. */
  Following following() {
    return following;
  }

  ServerMetrics metrics() {
    return metrics;
  }

  /** What {@link #watch} sees of workers; nothing before it. */
  WorkerUsage usage() {
    return usage;
  }

  /** Looks at the machine and the workers from now on, if it is wanted. */
  void watch(ServingCore core, SystemMetricsPlan plan) {
    if (!settings.get(ServerKeys.DISABLE_SYSTEM_METRICS)) {
      TimerThread looks = parts.add("system metrics", new TimerThread("system-metrics"));
      SystemMetrics.of(plan, looks, core::workerPids, usage, metrics).start();
    }
  }

  /** For listeners; one thread, so that large pages take no more than one processor. */
  MetricsSource source() {
    ExecutorService renderer =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("metrics", true));
    parts.add("metrics thread", renderer::shutdownNow);
    return new MetricsSource(metrics, renderer, following);
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}
