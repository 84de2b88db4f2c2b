package org.tsnext.compatibility;

/** The part of the server that a {@link Deviation} belongs to; a heading of its page. */
public enum Area {
  ERRORS("Errors and health"),
  ACCESS("Tokens, hosts and origins"),
  HTTP("HTTP"),
  LIMITS("Limits"),
  RESPONSES("Answers of handlers"),
  MANAGEMENT("Management of models"),
  GRPC("gRPC"),
  METRICS("Metrics and logs"),
  START("Start, stop and settings"),
  ARCHIVES("Archives and model-config.yaml"),
  WORKERS("Workers"),
  PYTHON("Python names of scripts and tests"),
  ABSENT("Not there");

  private final String title;

  Area(String title) {
    this.title = title;
  }

  /** The heading in docs/compatibility.md. */
  public String title() {
    return title;
  }
}
