package org.tsnext.http.tensor;

import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.api.Parameters;
import org.tsnext.api.tensor.Datatype;
import org.tsnext.api.tensor.RawContents;
import org.tsnext.api.tensor.Shape;
import org.tsnext.api.tensor.TensorException;
import org.tsnext.core.request.BoundedNumber;

/** One input of a request, copied as JSON with its binary data, if it has some, as numbers. */
final class InputTensor {

  private static final String BINARY_SIZE = "binary_data_size";

  /** A shape that is longer is refused, and need not be kept. */
  private static final int MAX_SIZES = 100;

  private final JsonCopy json;
  private final Optional<ByteBuf> binary;
  private final List<String> sizes = new ArrayList<>();
  private String name = "";
  private String datatype = "";
  private boolean shaped;
  private boolean hasData;
  private Optional<String> binarySize = Optional.empty();

  /**
   * @param binary data behind the JSON, of which this input takes its part; empty if the request
   *     does not say where the JSON ends
   */
  InputTensor(JsonCopy json, Optional<ByteBuf> binary) {
    this.json = json;
    this.binary = binary;
  }

  /** The name, as far as it is known, for error messages. */
  String shownName() {
    return '"' + Parameters.shown(name) + '"';
  }

  /**
   * Copies the object that is next.
   *
   * @throws TensorException if its binary data are not what it says
   */
  void copy() throws IOException, TensorException {
    json.object(
        this::member,
        separator -> {
          if (binarySize.isPresent()) {
            addData(separator, binarySize.get());
          }
        });
  }

  private void member(String member, JsonCopy.Separator separator)
      throws IOException, TensorException {
    separator.writeName(member);
    switch (member) {
      case "name" -> name = textOr(name);
      case "datatype" -> datatype = textOr(datatype);
      case "shape" -> copyShape();
      case "parameters" -> {
        if (json.next(JsonToken.BEGIN_OBJECT)) {
          json.object(this::parameter);
        } else {
          json.value();
        }
      }
      case "data" -> {
        hasData = true;
        json.value();
      }
      default -> json.value();
    }
  }

  private String textOr(String otherwise) throws IOException {
    if (json.next(JsonToken.STRING)) {
      return json.text();
    }
    json.value();
    return otherwise;
  }

  private void copyShape() throws IOException, TensorException {
    sizes.clear();
    shaped = json.next(JsonToken.BEGIN_ARRAY);
    if (!shaped) {
      json.value();
      return;
    }
    json.array(
        index -> {
          if (!json.next(JsonToken.NUMBER)) {
            shaped = false;
            json.value();
          } else if (index < MAX_SIZES) {
            sizes.add(json.number());
          } else {
            json.number();
          }
        });
  }

  /** The handler gets the data themselves in place of their size. */
  private void parameter(String parameter, JsonCopy.Separator separator) throws IOException {
    if (parameter.equals(BINARY_SIZE) && json.next(JsonToken.NUMBER)) {
      binarySize = Optional.of(json.skippedNumber());
    } else {
      separator.writeName(parameter);
      json.value();
      if (parameter.equals(BINARY_SIZE)) {
        binarySize = Optional.of("no number");
      }
    }
  }

  private void addData(JsonCopy.Separator separator, String saidSize)
      throws IOException, TensorException {
    if (hasData) {
      throw new TensorException("has both data and " + BINARY_SIZE + ", expected one of them");
    }
    Datatype type =
        Datatype.of(datatype)
            .orElseThrow(
                () ->
                    new TensorException(
                        "has the datatype \""
                            + Parameters.shown(datatype)
                            + "\", expected one of "
                            + Datatype.names()));
    long count = Shape.count(shape());
    ByteBuffer contents = take(saidSize);
    RawContents.check(type, contents, count);
    separator.writeName("data");
    RawContents.write(type, contents, json.written(), RawContents.BytesForm.TEXT);
  }

  private List<Long> shape() throws TensorException {
    List<Long> shape = new ArrayList<>();
    for (String size : sizes) {
      OptionalLong whole = BoundedNumber.exact(size);
      shaped &= whole.isPresent();
      shape.add(whole.orElse(0));
    }
    if (!shaped) {
      throw new TensorException("has no shape that is a list of whole numbers");
    }
    return shape;
  }

  private ByteBuffer take(String saidSize) throws TensorException {
    OptionalLong size = BoundedNumber.exact(saidSize);
    if (size.isEmpty() || size.getAsLong() < 0) {
      throw new TensorException(
          "has the "
              + BINARY_SIZE
              + " "
              + Parameters.shown(saidSize)
              + ", expected a whole number of bytes");
    }
    if (binary.isEmpty()) {
      throw new TensorException(
          "has a "
              + BINARY_SIZE
              + ", but the request has no header "
              + TensorRequest.HEADER
              + ", which says where its JSON ends");
    }
    ByteBuf rest = binary.get();
    if (size.getAsLong() > rest.readableBytes()) {
      throw new TensorException(
          "has the "
              + BINARY_SIZE
              + " "
              + size.getAsLong()
              + ", but "
              + rest.readableBytes()
              + " bytes are left behind the JSON and the inputs before it");
    }
    int length = (int) size.getAsLong();
    ByteBuffer taken = rest.nioBuffer(rest.readerIndex(), length);
    rest.skipBytes(length);
    return taken;
  }
}
