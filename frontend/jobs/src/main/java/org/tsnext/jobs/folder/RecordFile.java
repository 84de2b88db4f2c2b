package org.tsnext.jobs.folder;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * A file of one line of JSON and the bytes that it speaks of. It is complete or not there: it is
 * written under another name, synced, and renamed.
 */
final class RecordFile {

  /** Bytes of the line: the headers and names of a request, escaped, have less. */
  private static final int MAX_HEAD = 4 << 20;

  /**
   * Bytes that are read or written at a time: for more, the JDK takes a direct buffer of their
   * size, which the thread then keeps.
   */
  private static final int CHUNK = 64 * 1024;

  private static final Set<OpenOption> READ =
      Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);

  private RecordFile() {}

  /**
   * A file that was read.
   *
   * @param body the receiver's to release
   */
  record Content(JsonObject head, ByteBuf body) {}

  /**
   * Writes a file of the mode 0600.
   *
   * @param bodies stay the caller's
   */
  static void write(Path file, JsonObject head, List<ByteBuf> bodies) throws IOException {
    // Of the mode 0600, where there are modes.
    Path draft = Files.createTempFile(file.getParent(), JobFolder.DRAFT_PREFIX, ".tmp");
    boolean moved = false;
    try {
      try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
        writeAll(channel, ByteBuffer.wrap((head + "\n").getBytes(StandardCharsets.UTF_8)));
        for (ByteBuf body : bodies) {
          for (ByteBuffer part : body.nioBuffers()) {
            writeAll(channel, part);
          }
        }
        channel.force(true);
      }
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
      moved = true;
    } finally {
      if (!moved) {
        Files.deleteIfExists(draft);
      }
    }
    syncFolder(file.getParent());
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    int end = bytes.limit();
    while (bytes.position() < end) {
      channel.write(nextChunk(bytes, end));
    }
  }

  private static ByteBuffer nextChunk(ByteBuffer bytes, int end) {
    return bytes.limit(bytes.position() + Math.min(CHUNK, end - bytes.position()));
  }

  /** So that the name is there after a loss of power, too; not every system can. */
  private static void syncFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // The file itself is synced.
    }
  }

  /** Reads the line alone, and how many bytes follow it. */
  static Head readHead(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, READ)) {
      return readHead(channel, file);
    }
  }

  /**
   * The line of a file.
   *
   * @param bodyBytes that follow it
   */
  record Head(JsonObject json, long bodyStart, long bodyBytes) {}

  static Content read(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, READ)) {
      Head head = readHead(channel, file);
      if (head.bodyBytes() > Integer.MAX_VALUE - 8) {
        throw new IOException(file + " has " + head.bodyBytes() + " bytes of data");
      }
      ByteBuffer body = ByteBuffer.allocate((int) head.bodyBytes());
      while (body.position() < body.capacity()) {
        long position = head.bodyStart() + body.position();
        if (channel.read(nextChunk(body, body.capacity()), position) < 0) {
          throw new IOException(file + " became shorter while it was read");
        }
      }
      return new Content(head.json(), Unpooled.wrappedBuffer(body.array()));
    }
  }

  private static Head readHead(FileChannel channel, Path file) throws IOException {
    byte[] line = new byte[0];
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    while (line.length <= MAX_HEAD && channel.read(chunk.clear(), line.length) > 0) {
      int end = indexOfLineFeed(chunk.array(), chunk.position());
      int length = end < 0 ? chunk.position() : end;
      int before = line.length;
      line = Arrays.copyOf(line, before + length);
      System.arraycopy(chunk.array(), 0, line, before, length);
      if (end >= 0) {
        long start = line.length + 1L;
        return new Head(parse(line, file), start, channel.size() - start);
      }
    }
    throw new IOException(file + " does not begin with a line of JSON");
  }

  private static int indexOfLineFeed(byte[] bytes, int length) {
    for (int i = 0; i < length; i++) {
      if (bytes[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  private static JsonObject parse(byte[] line, Path file) throws IOException {
    try {
      return JsonParser.parseString(new String(line, StandardCharsets.UTF_8)).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new IOException(file + " does not begin with a line of JSON", e);
    }
  }
}
