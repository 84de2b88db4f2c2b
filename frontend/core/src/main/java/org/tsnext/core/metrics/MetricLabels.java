package org.tsnext.core.metrics;

import java.util.List;

/** Dimensions that several metrics of the server have. */
final class MetricLabels {
  static final List<String> HOST = List.of("Level", "Hostname");
  static final List<String> DEVICE = List.of("Level", "DeviceId", "Hostname");
  static final List<String> GPU = List.of("gpu", "hostname");
  static final List<String> MODEL = List.of("model_name", "model_version");
  static final List<String> STATUS = List.of("status");
  static final List<String> MODEL_AND_HOST = List.of("model_name", "model_version", "hostname");
  static final List<String> MODEL_AND_PROTOCOL = List.of("model_name", "model_version", "protocol");
  static final List<String> MODEL_AND_STAGE =
      List.of("model_name", "model_version", "protocol", "stage");

  private MetricLabels() {}
}
