package org.tsnext.http.tensor;

import com.google.gson.JsonParseException;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.tsnext.api.tensor.JsonBytes;
import org.tsnext.api.tensor.TensorException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * A request of the Open Inference Protocol as JSON, and what its client says of the response.
 *
 * @param id empty if it has none
 * @param json for the handler, with the binary data of inputs as numbers and texts
 */
public record TensorRequest(String id, JsonBytes json, BinaryOutputs outputs) {

  /** The header that says how many bytes of a body are JSON; binary data follow these. */
  public static final String HEADER = "inference-header-content-length";

  /** Of inputs, and of outputs. */
  private static final int MAX_COUNT = 1024;

  /**
   * Reads a request.
   *
   * @param head its JSON; not released
   * @param binary what follows the JSON; empty if the request does not say where that ends
   * @param json an empty one, for the copy
   * @throws ServingException BAD_REQUEST naming the tensor that is none; REQUEST_TOO_LARGE
   * @throws IOException if the head is no JSON object
   */
  public static TensorRequest read(ByteBuf head, Optional<ByteBuf> binary, JsonBytes json)
      throws IOException {
    Reading reading = new Reading(new JsonCopy(head, json), binary);
    try {
      reading.read();
    } catch (TensorException e) {
      throw badRequest(e.getMessage());
    } catch (JsonParseException | IllegalStateException | NumberFormatException e) {
      throw new IOException(e);
    }
    binary.ifPresent(TensorRequest::requireNothingLeft);
    return new TensorRequest(
        reading.id, json, new BinaryOutputs(reading.binaryByDefault, reading.requested));
  }

  private static void requireNothingLeft(ByteBuf binary) {
    if (binary.isReadable()) {
      throw badRequest(
          "There are "
              + binary.readableBytes()
              + " bytes behind the JSON and the binary data of the inputs, expected none: "
              + HEADER
              + " and binary_data_size must cover the whole body.");
    }
  }

  static ServingException badRequest(String message) {
    return new ServingException(ErrorKind.BAD_REQUEST, message);
  }

  /** What is known of a request so far. */
  private static final class Reading {
    private final JsonCopy json;
    private final Optional<ByteBuf> binary;
    private final Map<String, BinaryOutputs.Wish> requested = new LinkedHashMap<>();
    private String id = "";
    private boolean binaryByDefault;
    private boolean inputsRead;

    Reading(JsonCopy json, Optional<ByteBuf> binary) {
      this.json = json;
      this.binary = binary;
    }

    void read() throws IOException, TensorException {
      json.object(this::member);
      json.end();
    }

    private void member(String name, JsonCopy.Separator separator)
        throws IOException, TensorException {
      separator.writeName(name);
      if (name.equals("id") && json.next(JsonToken.STRING)) {
        id = json.text();
      } else if (name.equals("parameters") && json.next(JsonToken.BEGIN_OBJECT)) {
        json.object(this::parameter);
      } else if (name.equals("inputs") && json.next(JsonToken.BEGIN_ARRAY)) {
        if (inputsRead) {
          throw new TensorException("There are two members \"inputs\", expected one.");
        }
        inputsRead = true;
        json.array(this::input);
      } else if (name.equals("outputs") && json.next(JsonToken.BEGIN_ARRAY)) {
        json.array(this::output);
      } else {
        json.value();
      }
    }

    private void parameter(String name, JsonCopy.Separator separator) throws IOException {
      separator.writeName(name);
      if (name.equals("binary_data_output") && json.next(JsonToken.BOOLEAN)) {
        binaryByDefault = json.flag();
      } else {
        json.value();
      }
    }

    private void input(int index) throws IOException, TensorException {
      requireCount("inputs", index);
      if (!json.next(JsonToken.BEGIN_OBJECT)) {
        json.value();
        return;
      }
      InputTensor input = new InputTensor(json, binary);
      try {
        input.copy();
      } catch (TensorException e) {
        throw new TensorException(
            "Input " + index + " (" + input.shownName() + ") " + e.getMessage() + ".");
      }
    }

    private void output(int index) throws IOException, TensorException {
      requireCount("outputs", index);
      if (!json.next(JsonToken.BEGIN_OBJECT)) {
        json.value();
        return;
      }
      OutputWish output = new OutputWish();
      json.object(output::member);
      if (!output.name.isEmpty()) {
        requested.put(output.name, output.wish);
      }
    }

    private static void requireCount(String what, int index) throws TensorException {
      if (index >= MAX_COUNT) {
        throw new TensorException("There are more than " + MAX_COUNT + " " + what + ".");
      }
    }

    /** What one of the requested outputs says. */
    private final class OutputWish {
      private String name = "";
      private BinaryOutputs.Wish wish = BinaryOutputs.Wish.DEFAULT;

      void member(String member, JsonCopy.Separator separator) throws IOException, TensorException {
        separator.writeName(member);
        if (member.equals("name") && json.next(JsonToken.STRING)) {
          name = json.text();
        } else if (member.equals("parameters") && json.next(JsonToken.BEGIN_OBJECT)) {
          json.object(this::parameter);
        } else {
          json.value();
        }
      }

      private void parameter(String parameter, JsonCopy.Separator separator) throws IOException {
        separator.writeName(parameter);
        if (parameter.equals("binary_data") && json.next(JsonToken.BOOLEAN)) {
          wish = json.flag() ? BinaryOutputs.Wish.BINARY : BinaryOutputs.Wish.JSON;
        } else {
          json.value();
        }
      }
    }
  }
}
