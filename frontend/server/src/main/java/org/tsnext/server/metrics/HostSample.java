package org.tsnext.server.metrics;

import java.util.List;
import org.tsnext.core.request.Header;

/**
 * One value of the machine.
 *
 * @param name as in TorchServe 0.12, such as {@code CPUUtilization}
 * @param dimensions names and values but the host's, in order
 */
record HostSample(String name, double value, List<Header> dimensions) {
  private static final Header HOST = new Header("Level", "Host");

  HostSample {
    dimensions = List.copyOf(dimensions);
  }

  static HostSample of(String name, double value) {
    return new HostSample(name, value, List.of(HOST));
  }

  /** A value of one device. */
  static HostSample ofDevice(String name, double value, int device) {
    Header id = new Header("DeviceId", Integer.toString(device));
    return new HostSample(name, value, List.of(HOST, id));
  }
}
