package org.tsnext.api;

import java.util.Objects;
import org.tsnext.core.model.ScaleResult;

/** How far a registration or a scale order came, and the sentence that says so. */
public record OrderAnswer(ScaleResult.Outcome outcome, String text) {

  public OrderAnswer {
    Objects.requireNonNull(outcome, "outcome");
    Objects.requireNonNull(text, "text");
  }
}
