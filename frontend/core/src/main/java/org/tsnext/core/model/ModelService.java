package org.tsnext.core.model;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * The one door for management. Slow work runs on its own threads; futures complete there,
 * exceptionally with a {@link org.tsnext.core.error.ServingException}. The queries answer at once
 * and throw it.
 */
public interface ModelService {

  /** Registers a model version and starts its initial workers. Undone entirely if it fails. */
  CompletableFuture<ScaleResult> register(RegisterModel registration);

  /** Changes the number of workers of a version (empty: the default version). */
  CompletableFuture<ScaleResult> scale(
      String modelName, Optional<String> version, ScaleModel scaling);

  /** Drains and removes a version (empty: the default version). */
  CompletableFuture<Void> unregister(String modelName, Optional<String> version);

  /** Makes {@code version} the one that requests without a version get. */
  void setDefault(String modelName, String version);

  /** One element, of the given or the default version. */
  ModelDescription describe(String modelName, Optional<String> version);

  /** Every version of a model, the default one first. */
  List<ModelDescription> describeAll(String modelName);

  /**
   * Every version of every model, those that are being prepared or failed at the start included,
   * sorted by name, the default version of each first.
   */
  List<ModelDescription> describeEvery();

  /** Default versions, sorted by name. */
  List<ModelEntry> list();

  /** The models by all names that clients may give them in a request. */
  ServedModels served();

  /** The rule of {@code /ping}, over default versions. */
  HealthReport health();

  /**
   * Whether requests should be sent here: the start is over, each default version has as many
   * workers with the model loaded as it should have, no model of the start is missing, and no drain
   * has begun.
   */
  ReadinessReport readiness();

  /**
   * Whether requests for a version (empty: the default version) should be sent here: a worker has
   * the model loaded, and no drain has begun.
   */
  ReadinessReport readiness(String modelName, Optional<String> version);

  /** A line of the model list. */
  record ModelEntry(String modelName, String modelUrl) {}
}
