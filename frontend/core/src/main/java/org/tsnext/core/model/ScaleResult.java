package org.tsnext.core.model;

/**
 * What became of a registration or a scale order.
 *
 * @param modelVersion the version it was about
 * @param workers how many workers were asked for
 */
public record ScaleResult(Outcome outcome, String modelName, String modelVersion, int workers) {

  static ScaleResult of(Outcome outcome, ModelVersion version, int asked) {
    return new ScaleResult(outcome, version.name(), version.version(), asked);
  }

  /** How far it came. */
  public enum Outcome {
    /** Registered with no workers asked for. */
    REGISTERED_WITHOUT_WORKERS,
    /** All workers asked for have loaded the model (or, scaling down, are gone). */
    DONE,
    /** Asynchronous: the request was accepted. */
    ACCEPTED,
    /** Synchronous, but not all workers run at the end. */
    PARTIAL;

    /** Of a synchronous order: whether as many have loaded as were asked for. */
    static Outcome of(int loaded, int asked) {
      return loaded >= asked ? DONE : PARTIAL;
    }
  }
}
