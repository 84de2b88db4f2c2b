package org.tsnext.server.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.request.Header;

/** Records samples of the metrics that are declared; what is not declared is not wanted. */
final class DeclaredSamples implements Consumer<HostSample> {
  private final Map<String, MetricFamily> families;
  private final String host;
  private final Complaints complaints;

  /**
   * @param declared metrics of the server, with the host name as the last dimension
   * @param host the name of this machine
   */
  DeclaredSamples(List<MetricFamily> declared, String host, Complaints complaints) {
    this.families =
        declared.stream()
            .collect(Collectors.toMap(f -> f.definition().name(), Function.identity()));
    this.host = host;
    this.complaints = complaints;
  }

  @Override
  public void accept(HostSample sample) {
    MetricFamily family = families.get(sample.name());
    if (family == null) {
      return;
    }
    // By position, as TorchServe 0.12 does, so that files may name dimensions as they like.
    List<String> values = new ArrayList<>(sample.dimensions().stream().map(Header::value).toList());
    values.add(host);
    if (values.size() == family.definition().dimensions().size()) {
      family.series(values).record(sample.value());
    } else {
      complaints.about(
          sample.name(),
          "its dimensions do not fit: %s, expected %s"
              .formatted(sample.dimensions(), family.definition().dimensions()));
    }
  }
}
