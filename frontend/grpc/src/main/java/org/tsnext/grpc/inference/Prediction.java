package org.tsnext.grpc.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InputPart;
import org.tsnext.grpc.call.CallMessage;

/**
 * A {@code PredictionsRequest} as it came.
 *
 * @param modelVersion empty for the default version
 * @param inputs own their buffers, which the holder of the message releases or passes on
 * @param sequenceId empty if the field is not set
 * @param bytes of the whole message
 * @param fault why it cannot be answered; then it has no inputs
 */
record Prediction(
    String modelName,
    String modelVersion,
    List<InputPart> inputs,
    Optional<String> sequenceId,
    int bytes,
    Optional<ServingException> fault)
    implements CallMessage {

  Prediction {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(sequenceId, "sequenceId");
    Objects.requireNonNull(fault, "fault");
    inputs = List.copyOf(inputs);
  }

  /** A message that came and could not be read. */
  static Prediction faulty(ServingException fault) {
    return new Prediction("", "", List.of(), Optional.empty(), 0, Optional.of(fault));
  }

  /** The message without some of its inputs, which are released; takes this one over. */
  Prediction without(Predicate<InputPart> some) {
    if (inputs.stream().noneMatch(some)) {
      return this;
    }
    List<InputPart> kept = new ArrayList<>(inputs.size());
    for (InputPart input : inputs) {
      if (some.test(input)) {
        input.value().release();
      } else {
        kept.add(input);
      }
    }
    return new Prediction(modelName, modelVersion, kept, sequenceId, bytes, fault);
  }

  @Override
  public void release() {
    inputs.forEach(input -> input.value().release());
  }
}
