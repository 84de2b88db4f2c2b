package org.tsnext.http.settings;

/** What a listener serves. The first two on one address share one listener. */
public enum ListenerRole {
  INFERENCE("inference_address"),
  MANAGEMENT("management_address"),
  /** Has an address of its own; a listener with the other two serves metrics besides. */
  METRICS("metrics_address");

  private final String key;

  ListenerRole(String key) {
    this.key = key;
  }

  /** The configuration key that holds this role's address. */
  public String key() {
    return key;
  }
}
