package org.tsnext.grpc.inference;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;

/** Reads a {@code PredictionsRequest}; inputs are slices of its buffer. */
final class PredictionReader {

  private static final int MODEL_NAME = 1;
  private static final int MODEL_VERSION = 2;
  private static final int INPUT = 3;
  private static final int SEQUENCE_ID = 4;
  private static final int KEY = 1;
  private static final int VALUE = 2;

  private final WireReader reader;
  private final int bytes;

  /** In the order of the message. Of two with one name, the later counts, as in every map. */
  private final List<InputPart> inputs = new ArrayList<>(1);

  private Map<String, Integer> places = Map.of();
  private String modelName = "";
  private String modelVersion = "";
  private Optional<String> sequenceId = Optional.empty();

  private PredictionReader(ByteBuf message) {
    this.reader = new WireReader(message);
    this.bytes = message.readableBytes();
  }

  /**
   * Reads a message.
   *
   * @param message stays the caller's; the inputs keep it for as long as they need it
   */
  static Prediction read(ByteBuf message) {
    return new PredictionReader(message).read();
  }

  private Prediction read() {
    try {
      while (reader.hasNext()) {
        field(reader.tag());
      }
    } catch (ServingException e) {
      return Prediction.faulty(e);
    }
    inputs.forEach(input -> input.value().retain());
    return new Prediction(modelName, modelVersion, inputs, sequenceId, bytes, Optional.empty());
  }

  private void field(int tag) {
    if (WireReader.is(tag, MODEL_NAME, WireReader.LENGTH)) {
      modelName = reader.text();
    } else if (WireReader.is(tag, MODEL_VERSION, WireReader.LENGTH)) {
      modelVersion = reader.text();
    } else if (WireReader.is(tag, INPUT, WireReader.LENGTH)) {
      input(new WireReader(reader.bytes()));
    } else if (WireReader.is(tag, SEQUENCE_ID, WireReader.LENGTH)) {
      sequenceId = Optional.of(reader.text());
    } else {
      reader.skip(tag);
    }
  }

  private void input(WireReader entry) {
    String name = "";
    ByteBuf value = Unpooled.EMPTY_BUFFER;
    while (entry.hasNext()) {
      int tag = entry.tag();
      if (WireReader.is(tag, KEY, WireReader.LENGTH)) {
        name = entry.text();
      } else if (WireReader.is(tag, VALUE, WireReader.LENGTH)) {
        value = entry.bytes();
      } else {
        entry.skip(tag);
      }
    }
    add(new InputPart(name, "", value));
  }

  private void add(InputPart input) {
    if (inputs.isEmpty()) {
      inputs.add(input);
      return;
    }
    if (places.isEmpty()) {
      places = new HashMap<>();
      places.put(inputs.get(0).name(), 0);
    }
    Integer place = places.putIfAbsent(input.name(), inputs.size());
    if (place != null) {
      inputs.set(place, input);
    } else if (inputs.size() < InputLimits.MAX_PARTS) {
      inputs.add(input);
    } else {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "The request has more than " + InputLimits.MAX_PARTS + " inputs.");
    }
  }
}
