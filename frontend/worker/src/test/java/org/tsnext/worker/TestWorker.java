package org.tsnext.worker;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.tsnext.worker.protocol.FrameType;

/** The worker's end of the socket, driven by a test. Reads and writes block. */
final class TestWorker implements AutoCloseable {

  private final SocketChannel channel;

  /** A frame as it came. */
  record Frame(FrameType type, int flags, int item, int id, ByteBuffer body) {
    JsonObject json() {
      return JsonParser.parseString(StandardCharsets.UTF_8.decode(body.duplicate()).toString())
          .getAsJsonObject();
    }
  }

  private TestWorker(SocketChannel channel) {
    this.channel = channel;
  }

  static TestWorker dial(String address) throws IOException {
    SocketAddress target;
    if (address.startsWith("unix:")) {
      target = UnixDomainSocketAddress.of(address.substring("unix:".length()));
    } else {
      String[] parts = address.split(":", 3);
      target = new InetSocketAddress(parts[1], Integer.parseInt(parts[2]));
    }
    return new TestWorker(SocketChannel.open(target));
  }

  void hello(long spawnId, String secret) throws IOException {
    hello(spawnId, secret, new JsonObject());
  }

  /** HELLO of the second connection of a worker. */
  void helloOfControl(long spawnId, String secret) throws IOException {
    JsonObject hello = new JsonObject();
    hello.addProperty("control", true);
    hello(spawnId, secret, hello);
  }

  private void hello(long spawnId, String secret, JsonObject hello) throws IOException {
    hello.addProperty("protocol", 1);
    hello.addProperty("launch", spawnId);
    hello.addProperty("secret", secret);
    hello.addProperty("pid", 1000 + spawnId);
    hello.addProperty("python", "3.11.7");
    write(FrameType.HELLO.code(), 0, 0, 0, utf8(hello.toString()));
  }

  void loaded() throws IOException {
    write(FrameType.LOADED.code(), 0, 0, 0, utf8("{\"message\":\"m\",\"load_ms\":5}"));
  }

  /** A RESPONSE without status and headers. */
  void respond(int batch, int item, byte[] content) throws IOException {
    byte[] head = {0, 0, 0, 0, 0, 0, 0};
    ByteBuffer body = ByteBuffer.allocate(head.length + content.length).put(head).put(content);
    write(FrameType.RESPONSE.code(), 0, item, batch, body.array());
  }

  void write(int type, int flags, int item, int id, byte[] body) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(12 + body.length);
    frame.putInt(8 + body.length).put((byte) type).put((byte) flags).putShort((short) item);
    frame.putInt(id).put(body).flip();
    writeRaw(frame);
  }

  void writeRaw(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  Frame read() throws IOException {
    ByteBuffer header = fill(12);
    int length = header.getInt();
    FrameType type = FrameType.of(header.get()).orElseThrow();
    int flags = header.get();
    int item = header.getShort();
    int id = header.getInt();
    return new Frame(type, flags, item, id, fill(length - 8));
  }

  /** Whether the frontend closed its side, and sent nothing more. */
  boolean atEnd() throws IOException {
    try {
      return channel.read(ByteBuffer.allocate(1)) < 0;
    } catch (IOException e) {
      return String.valueOf(e.getMessage()).contains("reset");
    }
  }

  /** Closes the connection before the test is done with it. */
  void hangUp() throws IOException {
    channel.close();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private ByteBuffer fill(int size) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(size);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new IOException("the frontend closed the connection");
      }
    }
    return buffer.flip();
  }
}
