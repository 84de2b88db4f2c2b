package org.tsnext.api;

import java.util.Objects;
import org.tsnext.core.model.ScaleResult;

/** How far a registration or a scale request came, and the sentence that says so. */
public record OperationResponse(ScaleResult.Outcome outcome, String text) {

  public OperationResponse {
    Objects.requireNonNull(outcome, "outcome");
    Objects.requireNonNull(text, "text");
  }
}
