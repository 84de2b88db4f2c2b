package org.tsnext.grpc;

import java.util.Objects;

/**
 * The request headers by which handlers know sequences.
 *
 * @param id {@code ts_header_key_sequence_id}
 * @param start {@code ts_header_key_sequence_start}
 * @param end {@code ts_header_key_sequence_end}
 */
public record SequenceNames(String id, String start, String end) {

  public static final SequenceNames DEFAULT =
      new SequenceNames(
          "ts_request_sequence_id", "ts_request_sequence_start", "ts_request_sequence_end");

  public SequenceNames {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(end, "end");
  }

  /** Whether a header is one of the three. */
  public boolean contains(String name) {
    return name.equalsIgnoreCase(id) || name.equalsIgnoreCase(start) || name.equalsIgnoreCase(end);
  }
}
