package org.tsnext.server.check;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.compatibility.Switched;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.server.check.Finding.Level;
import org.tsnext.server.settings.GrpcKeys;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SourceKeys;
import org.tsnext.server.settings.WorkerKeys;

/**
 * Which rows of the table of deviations a server of some settings meets: one line for each row that
 * depends on settings. Rows that every server meets are told together, at the end.
 */
final class MetDeviations {
  private static final List<Row> ROWS =
      List.of(
          // What the start would need, or leaves out.
          row(Deviation.PLUGINS, ServerKeys.PLUGINS_PATH, isSet(ServerKeys.PLUGINS_PATH)).failing(),
          row(
              Deviation.CPU_LAUNCHER,
              WorkerKeys.CPU_LAUNCHER_ENABLE,
              on(WorkerKeys.CPU_LAUNCHER_ENABLE)),
          row(Deviation.CPP_BACKEND, ServerKeys.CPP_LOG_CONFIG, isSet(ServerKeys.CPP_LOG_CONFIG)),
          // What clients meet.
          row(
              Deviation.WORKFLOW_API,
              ModelKeys.ENABLE_MODEL_API,
              not(on(ModelKeys.ENABLE_MODEL_API)).and(MetDeviations::hasWorkflows)),
          row(
              Deviation.TOKEN_STATUS,
              SecurityKeys.DISABLE_TOKEN_AUTHORIZATION,
              MetDeviations::newTokenStatus),
          row(
              Deviation.GRPC_TOKEN_STATUS,
              SecurityKeys.DISABLE_TOKEN_AUTHORIZATION,
              on(GrpcKeys.ENABLE_GRPC_API).and(MetDeviations::newTokenStatus)),
          row(
              Deviation.TOKEN_FREE_PROBES,
              SecurityKeys.TOKEN_FREE_ROUTES,
              s ->
                  tokens(s) && s.get(SecurityKeys.TOKEN_FREE_ROUTES).contains(SecurityKeys.PROBES)),
          row(
              Deviation.TOKEN_BY_ROUTE,
              ListenerKeys.MANAGEMENT_ADDRESS,
              s ->
                  tokens(s)
                      && s.get(ListenerKeys.MANAGEMENT_ADDRESS)
                          .equals(s.get(ListenerKeys.INFERENCE_ADDRESS))),
          row(
              Deviation.TOKEN_TO_HANDLER,
              SecurityKeys.DISABLE_TOKEN_AUTHORIZATION,
              MetDeviations::tokens),
          row(Deviation.HOST_CHECK, SecurityKeys.ALLOWED_HOSTS, MetDeviations::checksHosts),
          row(
              Deviation.PREFLIGHT,
              ListenerKeys.CORS_ALLOWED_ORIGIN,
              isSet(ListenerKeys.CORS_ALLOWED_ORIGIN)),
          row(
              Deviation.ALLOWED_URLS,
              SourceKeys.ALLOWED_URLS,
              on(ModelKeys.ENABLE_MODEL_API).and(not(MetDeviations::opensUrls))),
          row(
              Deviation.PRIVATE_ADDRESSES,
              SourceKeys.ALLOWED_PRIVATE_HOSTS,
              on(ModelKeys.ENABLE_MODEL_API)
                  .and(MetDeviations::opensUrls)
                  .and(s -> s.find(SourceKeys.ALLOWED_PRIVATE_HOSTS).isEmpty())),
          row(
              Deviation.MODEL_STORE_READ_ONLY,
              ModelKeys.MODEL_STORE,
              on(ModelKeys.ENABLE_MODEL_API).and(MetDeviations::opensUrls)),
          row(Deviation.MODEL_FOLDERS, ModelKeys.MODEL_STORE, on(ModelKeys.ENABLE_MODEL_API)),
          row(Deviation.TLS_VERSIONS, ListenerKeys.INFERENCE_ADDRESS, MetDeviations::speaksTls),
          row(
              Deviation.OIP_READY,
              ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL,
              on(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL)),
          row(
              Deviation.GRPC_BYTES_QUOTES,
              ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL,
              on(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL).and(on(GrpcKeys.ENABLE_GRPC_API))),
          row(
              Deviation.METRICS_PAGE,
              ServerKeys.METRICS_MODE,
              on(ListenerKeys.ENABLE_METRICS_API).and(MetDeviations::logsMetrics)),
          row(Deviation.METRICS_LINES, ServerKeys.METRICS_MODE, MetDeviations::logsMetrics),
          row(Deviation.HANDLER_TIMES, ServerKeys.METRICS_MODE, MetDeviations::logsMetrics));

  private MetDeviations() {}

  /**
   * One line.
   *
   * @param level of the finding
   * @param subject the key that it is about
   */
  private record Row(
      Deviation deviation, Level level, SettingKey<?> subject, Predicate<Settings> met) {
    Row failing() {
      return new Row(deviation, Level.FAILS, subject, met);
    }

    Finding finding() {
      return MetDeviations.finding(level, deviation, subject.name());
    }
  }

  /** Those that a server of these settings meets. */
  static List<Finding> of(Settings settings) {
    Compatibility compatibility = settings.get(ServerKeys.COMPATIBILITY);
    List<Finding> findings = new ArrayList<>();
    for (Row row : ROWS) {
      if (!isSwitchedBack(row.deviation(), compatibility) && row.met().test(settings)) {
        findings.add(row.finding());
      }
    }
    findings.add(ofEveryServer(compatibility));
    return findings;
  }

  /** Whether a row of the table is about {@code key}, so that no one else need tell of it. */
  static boolean isAbout(String key, Settings settings) {
    return ROWS.stream()
        .anyMatch(row -> row.subject().name().equals(key) && row.met().test(settings));
  }

  /** A difference, with what brings the way of 0.12 back. */
  static Finding differs(Deviation row, String subject) {
    return finding(Level.DIFFERS, row, subject);
  }

  /** The same, told in words of its own. */
  static Finding differs(Deviation row, String subject, String what) {
    return new Finding(Level.DIFFERS, subject, what, Optional.of(remedy(row)));
  }

  private static Finding finding(Level level, Deviation row, String subject) {
    String what = "TorchServe 0.12: " + plain(row.original()) + "; now: " + plain(row.ours());
    String remedy = level == Level.FAILS ? "do without it: " + plain(row.reason()) : remedy(row);
    return new Finding(level, subject, what, Optional.of(remedy));
  }

  private static String remedy(Deviation row) {
    if (row.switched() instanceof Switched.Row) {
      return "compatibility=0.12 brings the way of 0.12 back";
    }
    if (row.setting().isPresent()) {
      boolean value = row.setting().get().contains("=");
      return row.setting().get()
          + (value ? " brings the way of 0.12 back" : " is the setting for it");
    }
    return "it stays so: " + plain(reason(row));
  }

  private static String reason(Deviation row) {
    return row.switched() instanceof Switched.Stays stays
        ? stays.reason().orElse(row.reason())
        : row.reason();
  }

  private static Finding ofEveryServer(Compatibility compatibility) {
    String all = "docs/compatibility.md has each difference, with its reason";
    return compatibility == Compatibility.ORIGINAL
        ? Finding.works("clients", "Statuses, types and texts of answers are those of 0.12", all)
        : new Finding(
            Level.DIFFERS,
            "clients",
            "Some statuses, types and texts of answers differ on every server, such as 504 for a time-out",
            Optional.of("compatibility=0.12 brings those of 0.12 back; " + all));
  }

  private static boolean isSwitchedBack(Deviation row, Compatibility compatibility) {
    return row.switched() instanceof Switched.Row && compatibility.isOriginal(row);
  }

  private static Row row(Deviation deviation, SettingKey<?> subject, Predicate<Settings> met) {
    return new Row(deviation, Level.DIFFERS, subject, met);
  }

  private static Predicate<Settings> on(SettingKey<Boolean> key) {
    return settings -> settings.get(key);
  }

  private static Predicate<Settings> isSet(SettingKey<?> key) {
    return settings -> settings.isSet(key) && settings.find(key).isPresent();
  }

  private static Predicate<Settings> not(Predicate<Settings> predicate) {
    return predicate.negate();
  }

  private static boolean tokens(Settings settings) {
    return !settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION);
  }

  private static boolean newTokenStatus(Settings settings) {
    return tokens(settings) && !settings.get(SecurityKeys.TOKEN_FAILURES_AS_400);
  }

  private static boolean checksHosts(Settings settings) {
    return settings.get(ListenerKeys.MANAGEMENT_ADDRESS) instanceof ListenAddress.Tcp tcp
        && !tcp.isLoopback()
        && settings.find(SecurityKeys.ALLOWED_HOSTS).isEmpty();
  }

  private static boolean opensUrls(Settings settings) {
    return !settings.find(SourceKeys.ALLOWED_URLS).orElse(List.of()).isEmpty();
  }

  private static boolean speaksTls(Settings settings) {
    return ListenerKeys.opened(settings).stream()
        .anyMatch(key -> settings.get(key) instanceof ListenAddress.Tcp tcp && tcp.tls());
  }

  private static boolean logsMetrics(Settings settings) {
    return !settings.get(ServerKeys.METRICS_MODE).equals("prometheus");
  }

  private static boolean hasWorkflows(Settings settings) {
    Optional<Path> store = settings.find(ModelKeys.WORKFLOW_STORE).filter(Files::isDirectory);
    if (store.isEmpty()) {
      return false;
    }
    try (DirectoryStream<Path> archives = Files.newDirectoryStream(store.get(), "*.war")) {
      return archives.iterator().hasNext();
    } catch (IOException e) {
      return false; // nothing that a server could have loaded
    }
  }

  /** Without the marks of Markdown. */
  private static String plain(String markdown) {
    return markdown.replace("`", "");
  }
}
