package org.tsnext.http.tensor;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.tsnext.api.tensor.JsonBytes;
import org.tsnext.api.tensor.TensorException;

/**
 * JSON that is read once and copied as it is read, so that members can be left out or added. It
 * holds no more than the copy, however the JSON is made.
 */
final class JsonCopy {

  private final JsonReader json;
  private final JsonBytes copy;

  /**
   * @param text in UTF-8; not released
   */
  JsonCopy(ByteBuf text, JsonBytes copy) {
    // Bytes that are no UTF-8 are an error of this decoder.
    this.json =
        new JsonReader(
            new InputStreamReader(
                new ByteBufInputStream(text.duplicate()), StandardCharsets.UTF_8.newDecoder()));
    this.json.setStrictness(Strictness.STRICT);
    this.copy = copy;
  }

  JsonBytes written() {
    return copy;
  }

  JsonToken peek() throws IOException {
    return json.peek();
  }

  boolean next(JsonToken expected) throws IOException {
    return json.peek() == expected;
  }

  /** A member of an object; reads its value whole. */
  interface Member {
    void read(String name, Separator separator) throws IOException, TensorException;
  }

  /** Writes what comes between the last member or element and the one that follows. */
  final class Separator {
    private boolean first = true;

    void write() {
      if (!first) {
        copy.plain(',');
      }
      first = false;
    }

    void writeName(String name) {
      write();
      copy.quoted(name).plain(':');
    }
  }

  /**
   * Copies the object that is next; {@code member} copies each of its members, or leaves it out.
   */
  void object(Member member) throws IOException, TensorException {
    object(member, separator -> {});
  }

  /** What is added to an object when all of its members are known. */
  interface Addition {
    void write(Separator separator) throws IOException, TensorException;
  }

  /** As {@link #object(Member)}, with an addition at its end. */
  void object(Member member, Addition addition) throws IOException, TensorException {
    Separator separator = new Separator();
    json.beginObject();
    copy.plain('{');
    while (json.hasNext()) {
      member.read(json.nextName(), separator);
    }
    json.endObject();
    addition.write(separator);
    copy.plain('}');
  }

  /** Copies one element of an array. */
  interface Element {
    void read(int index) throws IOException, TensorException;
  }

  /** Copies the array that is next. */
  void array(Element element) throws IOException, TensorException {
    Separator separator = new Separator();
    json.beginArray();
    copy.plain('[');
    for (int index = 0; json.hasNext(); index++) {
      separator.write();
      element.read(index);
    }
    json.endArray();
    copy.plain(']');
  }

  /** Copies the text that is next, and returns it. */
  String text() throws IOException {
    String text = json.nextString();
    copy.quoted(text);
    return text;
  }

  /** Copies the number that is next, and returns it as it is written. */
  String number() throws IOException {
    String text = json.nextString();
    copy.plain(text);
    return text;
  }

  /** Reads the number that is next and leaves it out. */
  String skippedNumber() throws IOException {
    return json.nextString();
  }

  /** Copies true or false, and returns it. */
  boolean flag() throws IOException {
    boolean value = json.nextBoolean();
    copy.plain(Boolean.toString(value));
    return value;
  }

  /** Copies whatever is next. */
  void value() throws IOException {
    boolean comma = false;
    int depth = 0;
    do {
      JsonToken token = json.peek();
      if (comma && token != JsonToken.END_ARRAY && token != JsonToken.END_OBJECT) {
        copy.plain(',');
      }
      comma = true;
      switch (token) {
        case BEGIN_ARRAY -> {
          json.beginArray();
          copy.plain('[');
          depth++;
          comma = false;
        }
        case BEGIN_OBJECT -> {
          json.beginObject();
          copy.plain('{');
          depth++;
          comma = false;
        }
        case END_ARRAY -> {
          json.endArray();
          copy.plain(']');
          depth--;
        }
        case END_OBJECT -> {
          json.endObject();
          copy.plain('}');
          depth--;
        }
        case NAME -> {
          copy.quoted(json.nextName()).plain(':');
          comma = false;
        }
        case STRING -> text();
        case NUMBER -> number();
        case BOOLEAN -> flag();
        case NULL -> {
          json.nextNull();
          copy.plain("null");
        }
        case END_DOCUMENT -> throw new IOException("the JSON ends early");
      }
    } while (depth > 0);
  }

  /** Makes sure that nothing follows. */
  void end() throws IOException {
    if (json.peek() != JsonToken.END_DOCUMENT) {
      throw new IOException("there is more than one JSON value");
    }
  }
}
