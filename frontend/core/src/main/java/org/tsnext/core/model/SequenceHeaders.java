package org.tsnext.core.model;

import java.util.Objects;

/**
 * The names of the request headers that carry sequences.
 *
 * @param id {@code ts_header_key_sequence_id}
 * @param start {@code ts_header_key_sequence_start}
 */
public record SequenceHeaders(String id, String start) {

  public static final SequenceHeaders DEFAULT =
      new SequenceHeaders("ts_request_sequence_id", "ts_request_sequence_start");

  public SequenceHeaders {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(start, "start");
  }
}
