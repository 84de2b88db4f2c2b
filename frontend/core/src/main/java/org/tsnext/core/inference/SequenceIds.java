package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.SequencePolicy;

/**
 * Reads the sequence that a request belongs to, names those that have no name, and reads which ones
 * a handler ends. Thread-safe.
 */
final class SequenceIds {

  static final String MADE_PREFIX = "ts-seq-";

  private final SequencePolicy policy;

  SequenceIds(SequencePolicy policy) {
    this.policy = policy;
  }

  /**
   * The request with exactly one id header, spelled as handlers look for it. An id that is missing
   * or empty is made, and the start of the sequence is marked.
   */
  InferenceRequest named(InferenceRequest request) {
    List<Header> headers = new ArrayList<>(request.headers().size() + 2);
    String id = "";
    for (Header header : request.headers()) {
      if (!header.name().equalsIgnoreCase(policy.idHeader())) {
        headers.add(header);
      } else {
        id = header.value().trim();
      }
    }
    if (id.isEmpty()) {
      id = MADE_PREFIX + UUID.randomUUID();
      headers.removeIf(header -> header.name().equalsIgnoreCase(policy.startHeader()));
      headers.add(new Header(policy.startHeader(), "true"));
    }
    headers.add(new Header(policy.idHeader(), id));
    return new InferenceRequest(
        request.id(),
        new InferenceRequest.Target(request.modelName(), request.version()),
        request.kind(),
        request.origin(),
        headers,
        request.parts(),
        request.timeout());
  }

  /** The ids of the sequences that a handler ends with an answer: parted by semicolons. */
  List<String> ended(ResponseHead head) {
    if (head.headers().isEmpty() || policy.endHeader().isEmpty()) {
      return List.of();
    }
    String name = policy.endHeader().get();
    return head.headers().stream()
        .filter(header -> header.name().equalsIgnoreCase(name))
        .flatMap(header -> Arrays.stream(header.value().split(";")))
        .map(String::trim)
        .toList();
  }

  /** The id of a request that {@link #named} made. */
  String of(InferenceRequest request) {
    return request.headers().get(request.headers().size() - 1).value();
  }
}
