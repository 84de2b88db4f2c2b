package org.tsnext.workflow;

import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;

/** Makes the response of a workflow of those of its last nodes. */
final class LeafResponses {

  private static final int MAX_SHOWN = 200;

  private static final ResponseHead JSON =
      new ResponseHead(
          0, "", BodyKind.JSON, List.of(new Header("content-type", "application/json")));

  private LeafResponses() {}

  /**
   * One response as it is; several as one JSON object, with a member for each node.
   *
   * @param responses by node, in the order of the members; taken over
   * @param original whether the head of a single one is lost, and its type is JSON
   * @throws ServingException if one of several is no JSON; then nothing is left to release
   */
  static NodeResponse of(Map<String, NodeResponse> responses, boolean original) {
    if (responses.size() == 1) {
      NodeResponse only = responses.values().iterator().next();
      return original ? new NodeResponse(JSON, only.body()) : only;
    }
    CompositeByteBuf object = Unpooled.compositeBuffer(3 * responses.size() + 1);
    ServingException failure = null;
    String before = "{";
    for (Map.Entry<String, NodeResponse> leaf : responses.entrySet()) {
      ByteBuf body = leaf.getValue().body();
      if (failure == null) {
        add(object, before + new JsonPrimitive(leaf.getKey()) + ": ");
        before = ", ";
        failure = addValue(object, leaf.getKey(), leaf.getValue());
      } else {
        body.release();
      }
    }
    if (failure != null) {
      object.release();
      throw failure;
    }
    add(object, "}");
    return new NodeResponse(JSON, object);
  }

  /** The beginning of a body, for an error message. */
  static String shown(ByteBuf body) {
    int length = Math.min(body.readableBytes(), MAX_SHOWN);
    return body.toString(body.readerIndex(), length, StandardCharsets.UTF_8)
        + (body.readableBytes() > length ? "..." : "");
  }

  /** Takes the response over; returns why it is no value. */
  private static ServingException addValue(
      CompositeByteBuf object, String node, NodeResponse response) {
    ByteBuf body = response.body();
    if (response.head().bodyKind() == BodyKind.JSON || isJson(body)) {
      object.addComponent(true, body);
      return null;
    }
    if (response.head().bodyKind() == BodyKind.TEXT) {
      String text = body.toString(StandardCharsets.UTF_8);
      body.release();
      add(object, new JsonPrimitive(text).toString());
      return null;
    }
    int bytes = body.readableBytes();
    body.release();
    return new ServingException(ErrorKind.PREDICTION_FAILED, "Error executing " + node)
        .withDetail(
            "It responded with "
                + bytes
                + " bytes that are no JSON. With several last nodes, each has to respond with"
                + " JSON or text, since they become the members of one object.");
  }

  private static void add(CompositeByteBuf object, String text) {
    object.addComponent(true, Unpooled.copiedBuffer(text, StandardCharsets.UTF_8));
  }

  /** Whether the bytes are one JSON value in UTF-8; in linear time. */
  private static boolean isJson(ByteBuf body) {
    try (JsonReader reader =
        new JsonReader(
            new InputStreamReader(
                new ByteBufInputStream(body.duplicate()), StandardCharsets.UTF_8.newDecoder()))) {
      reader.setStrictness(Strictness.STRICT);
      reader.skipValue();
      return reader.peek() == JsonToken.END_DOCUMENT;
    } catch (IOException | JsonParseException | IllegalStateException e) {
      return false;
    }
  }
}
