package org.tsnext.core.model;

import java.util.Objects;

/**
 * The names of the headers by which handlers know sequences.
 *
 * @param id {@code ts_header_key_sequence_id}
 * @param start {@code ts_header_key_sequence_start}
 * @param end {@code ts_header_key_sequence_end}, of answers, and of requests over gRPC
 */
public record SequenceHeaders(String id, String start, String end) {

  public static final SequenceHeaders DEFAULT =
      new SequenceHeaders(
          "ts_request_sequence_id", "ts_request_sequence_start", "ts_request_sequence_end");

  public SequenceHeaders {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(end, "end");
  }

  /** Whether a header is one of the three. */
  public boolean contains(String name) {
    return name.equalsIgnoreCase(id) || name.equalsIgnoreCase(start) || name.equalsIgnoreCase(end);
  }
}
