package org.tsnext.http.settings;

/** What a listener serves. The first two on one address share one listener. */
public enum ListenerRole {
  INFERENCE("inference_address"),
  MANAGEMENT("management_address"),
  /** Has an address of its own; a listener with the other two serves metrics besides. */
  METRICS("metrics_address"),
  /** What inference has, for KServe, which has no tokens and an address of its own. */
  KSERVE("kserve; kserve=false leaves it closed");

  private final String key;

  ListenerRole(String key) {
    this.key = key;
  }

  /** The configuration key that decides about this role's address. */
  public String key() {
    return key;
  }
}
