package org.tsnext.worker.protocol;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** A pair of files of test/frames. */
record GoldenFrame(String name, String hex, JsonObject meaning) {

  static final Path FOLDER = Path.of("..", "..", "test", "frames");

  /** All of one direction. */
  static List<GoldenFrame> of(String channel, String to) {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files
          .filter(file -> file.toString().endsWith(".hex"))
          .sorted()
          .map(GoldenFrame::read)
          .filter(frame -> frame.text("channel").equals(channel) && frame.text("to").equals(to))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The bytes on the wire. */
  byte[] wire() {
    return HexFormat.of().parseHex(hex);
  }

  boolean valid() {
    return !meaning.has("error");
  }

  List<JsonObject> messages() {
    return meaning.getAsJsonArray("messages").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  FrameLimits limits() {
    int frame =
        meaning.has("frame_limit")
            ? meaning.get("frame_limit").getAsInt()
            : FrameLimits.DEFAULT_FRAME;
    return new FrameLimits(frame, 6_553_500, 6_553_500);
  }

  static byte[] bytes(JsonObject object, String key) {
    return HexFormat.of().parseHex(object.get(key).getAsString());
  }

  static JsonArray pairs(JsonObject object, String key) {
    return object.getAsJsonArray(key);
  }

  @Override
  public String toString() {
    return name;
  }

  private String text(String key) {
    return meaning.get(key).getAsString();
  }

  private static GoldenFrame read(Path file) {
    try {
      String name = file.getFileName().toString().replace(".hex", "");
      String hex = Files.readString(file).replaceAll("\\s", "");
      String json = Files.readString(file.resolveSibling(name + ".json"));
      return new GoldenFrame(name, hex, JsonParser.parseString(json).getAsJsonObject());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
