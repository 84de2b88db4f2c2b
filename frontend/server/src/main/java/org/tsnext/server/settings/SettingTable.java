package org.tsnext.server.settings;

import java.util.List;

/** Every key there is, in the order in which users read them. */
public final class SettingTable {
  /** The table, in groups. */
  public static final List<Section> SECTIONS =
      List.of(
          new Section("Listeners and sizes", ListenerKeys.LISTENERS),
          new Section("gRPC", GrpcKeys.ALL),
          new Section("KServe", KServe.KEYS),
          new Section("TLS and CORS", ListenerKeys.TLS_AND_CORS),
          new Section("Models", ModelKeys.ALL),
          new Section("Models from elsewhere, and their packages", SourceKeys.ALL),
          new Section("Workers, queues, devices, sequences", WorkerKeys.ALL),
          new Section("Jobs", JobKeys.ALL),
          new Section("Metrics and logs", ServerKeys.METRICS_AND_LOGS),
          new Section("Security", SecurityKeys.ALL),
          new Section("The server itself", ServerKeys.SERVER));

  /** Those that say where and how the server listens, and depend on each other. */
  static final List<Section> LISTENERS = SECTIONS.subList(0, 3);

  private SettingTable() {}

  /** All keys, in order. */
  public static List<SettingKey<?>> keys() {
    return SECTIONS.stream().<SettingKey<?>>flatMap(section -> section.keys().stream()).toList();
  }

  /** A group of keys under a title. */
  public record Section(String title, List<SettingKey<?>> keys) {
    public Section {
      keys = List.copyOf(keys);
    }
  }
}
