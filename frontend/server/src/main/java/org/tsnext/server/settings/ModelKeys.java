package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.bytes;
import static org.tsnext.server.settings.SettingTypes.commaList;
import static org.tsnext.server.settings.SettingTypes.existingDirectory;
import static org.tsnext.server.settings.SettingTypes.factorOrAuto;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.matching;
import static org.tsnext.server.settings.SettingTypes.models;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.snapshot;
import static org.tsnext.server.settings.SettingTypes.text;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.tsnext.server.snapshot.Snapshot;

/** Keys of models and where they come from. */
public final class ModelKeys {
  public static final SettingKey<Path> MODEL_STORE =
      SettingKey.of(
          "model_store",
          existingDirectory(),
          "The directory that holds the models. It is only read.");
  public static final SettingKey<Path> WORKFLOW_STORE =
      SettingKey.of(
          "workflow_store",
          path(),
          "The directory that holds workflows; model_store if empty. It is only read.");
  public static final SettingKey<List<String>> LOAD_MODELS =
      SettingKey.of(
          "load_models",
          commaList("models separated by commas"),
          "Models to load at start, separated by commas: all; none; or files or directories of the"
              + " model store, paths or URLs, each also as name=location.");
  public static final SettingKey<ModelsProperty> MODELS =
      SettingKey.of(
              "models",
              models(),
              "JSON with settings of single models, by name and version: minWorkers, maxWorkers,"
                  + " batchSize, maxBatchDelay (ms), responseTimeout (s), startupTimeout (s),"
                  + " runtimeType. It loads nothing by itself.")
          .fileOnly();
  public static final SettingKey<Snapshot> MODEL_SNAPSHOT =
      SettingKey.of(
              "model_snapshot",
              snapshot(),
              "JSON with the models at the start, as snapshots have it and as people write it by"
                  + " hand; load_models is not followed then.")
          .fileOnly();
  public static final SettingKey<Integer> SNAPSHOTS_KEPT =
      SettingKey.of(
              "snapshots_kept",
              integer(1, 100_000),
              "How many snapshots of the models' state are kept, the newest ones.")
          .withDefault("20");
  public static final SettingKey<Long> UNPACK_MAX_BYTES =
      SettingKey.of(
              "unpack_max_bytes",
              bytes(1, 1L << 50),
              "Size limit of an unpacked model archive, in bytes.")
          .withDefault(String.valueOf(32L << 30));
  public static final SettingKey<Integer> UNPACK_MAX_ENTRIES =
      SettingKey.of(
              "unpack_max_entries",
              integer(1, 100_000_000),
              "Limit of the number of files in a model archive.")
          .withDefault("100000");
  public static final SettingKey<Optional<Double>> MODEL_MEMORY_FACTOR =
      SettingKey.of(
              "model_memory_factor",
              factorOrAuto(1000),
              "Memory that a worker is expected to take, in sizes of its model's files. A client's"
                  + " registration is answered 507 before anything is loaded if that is more than"
                  + " what is free, in the container or on the machine. 0 for no check; auto for 1"
                  + " where SAGEMAKER_MULTI_MODEL is true, and 0 elsewhere.")
          .withDefault("auto");
  public static final SettingKey<Boolean> INSTALL_PY_DEP_PER_MODEL =
      SettingKey.of(
              "install_py_dep_per_model",
              bool(),
              "Whether to install the requirements that a model archive names.")
          .withDefault("false");
  public static final SettingKey<String> DEFAULT_SERVICE_HANDLER =
      SettingKey.of(
          "default_service_handler",
          text("module:function, a file or the name of a default handler"),
          "Handler of models whose manifest names none.");
  public static final SettingKey<String> SERVICE_ENVELOPE =
      SettingKey.of(
          "service_envelope",
          matching(
              "the name of a request envelope: body, json, kserve, kservev2",
              "[A-Za-z_][A-Za-z0-9_]*"),
          "Request envelope of every model: body, json, kserve or kservev2; empty leaves it to the"
              + " model.");
  public static final SettingKey<Boolean> ENABLE_MODEL_API =
      SettingKey.of(
              "enable_model_api",
              bool(),
              "Whether models can be registered and unregistered over the management API. A model"
                  + " is code: any client that can register one can run anything as the server's user.")
          .withDefault("false");

  public static final SettingKey<Boolean> EXIT_ON_LOAD_FAILURE =
      SettingKey.of(
              "exit_on_load_failure",
              bool(),
              "Whether the server ends with exit code 1 when a model of the start has failed: at once"
                  + " if it cannot be registered, else when the automatic restarts of its workers have"
                  + " ended (maxRetryTimeoutInSec). Otherwise the server goes on without it.")
          .withDefault("false");

  static final List<SettingKey<?>> ALL =
      List.of(
          MODEL_STORE,
          WORKFLOW_STORE,
          LOAD_MODELS,
          EXIT_ON_LOAD_FAILURE,
          MODELS,
          MODEL_SNAPSHOT,
          SNAPSHOTS_KEPT,
          UNPACK_MAX_BYTES,
          UNPACK_MAX_ENTRIES,
          MODEL_MEMORY_FACTOR,
          INSTALL_PY_DEP_PER_MODEL,
          DEFAULT_SERVICE_HANDLER,
          SERVICE_ENVELOPE,
          ENABLE_MODEL_API);

  private ModelKeys() {}
}
