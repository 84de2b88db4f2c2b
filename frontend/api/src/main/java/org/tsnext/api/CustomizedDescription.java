package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;

/** A description to which the handler of the model adds what it says about itself. */
public final class CustomizedDescription {

  private static final int MAX_BYTES = 1 << 20;

  private final ModelDescription model;
  private final JsonObject description;
  private final ByteArrayOutputStream response = new ByteArrayOutputStream();

  CustomizedDescription(ModelDescription model, Compatibility compatibility) {
    this.model = model;
    this.description = DescriptionRenderer.render(model, compatibility);
  }

  /** What the handler is asked. */
  public InferenceRequest question(String requestId) {
    return new InferenceRequest(
        requestId,
        new InferenceRequest.Target(model.modelName(), Optional.of(model.modelVersion())),
        RequestKind.DESCRIBE,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        List.of(new Header("describe", "True")),
        List.of(),
        Optional.of(model.settings().timeouts().response()));
  }

  /**
   * Takes a part of the handler's answer, and releases it.
   *
   * @throws ServingException INTERNAL if the answer becomes too large
   */
  public void add(ByteBuf part) {
    try {
      if (response.size() + part.readableBytes() > MAX_BYTES) {
        throw new ServingException(
            ErrorKind.INTERNAL,
            "The handler's description is larger than " + MAX_BYTES + " bytes.");
      }
      part.readBytes(response, part.readableBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A stream into memory throws none.
    } finally {
      part.release();
    }
  }

  /** The list of this one description, with what the handler said. */
  public JsonArray json() {
    metadata().ifPresent(said -> description.add("customizedMetadata", said));
    JsonArray models = new JsonArray();
    models.add(description);
    return models;
  }

  /** Nothing for an empty or null answer, an empty object for one that is not an object. */
  private Optional<JsonElement> metadata() {
    String text = response.toString(StandardCharsets.UTF_8).trim();
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      JsonElement json = JsonParser.parseString(text);
      if (json.isJsonNull()) {
        return Optional.empty();
      }
      return Optional.of(json.isJsonObject() ? json : new JsonObject());
    } catch (JsonParseException e) {
      return Optional.of(new JsonObject());
    }
  }
}
