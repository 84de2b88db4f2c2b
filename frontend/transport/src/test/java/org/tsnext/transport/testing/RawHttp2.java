package org.tsnext.transport.testing;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A client of HTTP/2 that sends the frames it is told to, and nothing by itself. */
public final class RawHttp2 implements AutoCloseable {

  public static final int DATA = 0;
  public static final int HEADERS = 1;
  public static final int PRIORITY = 2;
  public static final int RST_STREAM = 3;
  public static final int SETTINGS = 4;
  public static final int PING = 6;
  public static final int GOAWAY = 7;
  public static final int WINDOW_UPDATE = 8;
  public static final int CONTINUATION = 9;

  public static final int END_STREAM = 1;
  public static final int END_HEADERS = 4;

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final int FRAME_HEADER = 9;

  /** A frame of the server. */
  public record Frame(int type, int flags, int stream, ByteBuffer payload) {

    /** The payload as text, which header blocks of the tests' servers are not. */
    public String text() {
      return StandardCharsets.ISO_8859_1.decode(payload.duplicate()).toString();
    }

    public boolean ends() {
      return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
    }

    /** The reason of a reset or a good-bye. */
    public int reason() {
      int at = type == GOAWAY ? 4 : 0;
      return payload.getInt(at);
    }
  }

  private final Socket socket;
  private final DataInputStream in;

  private RawHttp2(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new DataInputStream(socket.getInputStream());
  }

  /** Connects and sends the preface and empty settings. */
  public static RawHttp2 connect(int port) throws IOException {
    return over(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  /** As {@link #connect}, on a connection that is there; takes it over. Sends frames with it. */
  public static RawHttp2 over(Socket connected, byte[]... frames) throws IOException {
    RawHttp2 client = new RawHttp2(connected);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(PREFACE);
    all.writeBytes(frame(SETTINGS, 0, 0));
    for (byte[] frame : frames) {
      all.writeBytes(frame);
    }
    client.write(all.toByteArray());
    return client;
  }

  /** Names and frames that a client may send, but not without end: of each a flood. */
  public static Object[][] floods() {
    return new Object[][] {
      {"settings", frame(SETTINGS, 0, 0, new byte[] {0, 3, 0, 0, 0, 1})},
      {"priority", frame(PRIORITY, 0, 1, new byte[] {0, 0, 0, 0, 1})},
      {"window update", frame(WINDOW_UPDATE, 0, 0, new byte[] {0, 0, 0, 1})},
      {"unknown", frame(0xbe, 0xff, 7, new byte[20])},
      {"ping", frame(PING, 0, 0, new byte[8])},
      {"acknowledged ping", frame(PING, 1, 0, new byte[8])},
    };
  }

  public static byte[] frame(int type, int flags, int stream, byte... payload) {
    byte[] frame = new byte[FRAME_HEADER + payload.length];
    frame[0] = (byte) (payload.length >> 16);
    frame[1] = (byte) (payload.length >> 8);
    frame[2] = (byte) payload.length;
    frame[3] = (byte) type;
    frame[4] = (byte) flags;
    for (int i = 0; i < 4; i++) {
      frame[5 + i] = (byte) (stream >> (24 - 8 * i));
    }
    System.arraycopy(payload, 0, frame, FRAME_HEADER, payload.length);
    return frame;
  }

  /** A header block of literals: name, value, name, value. */
  public static byte[] block(String... headers) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    for (int i = 0; i < headers.length; i += 2) {
      block.write(0);
      literal(block, headers[i]);
      literal(block, headers[i + 1]);
    }
    return block.toByteArray();
  }

  private static void literal(ByteArrayOutputStream block, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    if (bytes.length < 127) {
      block.write(bytes.length);
    } else {
      block.write(127);
      int rest = bytes.length - 127;
      while (rest >= 128) {
        block.write(rest % 128 + 128);
        rest /= 128;
      }
      block.write(rest);
    }
    block.writeBytes(bytes);
  }

  /** Begins a stream, which stays open. */
  public void begin(int stream, String... headers) throws IOException {
    write(frame(HEADERS, END_HEADERS, stream, block(headers)));
  }

  /** A gRPC call's head, which stays open. */
  public void call(int stream, String method, String... more) throws IOException {
    String[] headers = {
      ":method",
      "POST",
      ":scheme",
      "http",
      ":path",
      "/" + method,
      ":authority",
      "t",
      "te",
      "trailers",
      "content-type",
      "application/grpc"
    };
    String[] all = java.util.Arrays.copyOf(headers, headers.length + more.length);
    System.arraycopy(more, 0, all, headers.length, more.length);
    begin(stream, all);
  }

  public void data(int stream, boolean last, byte... bytes) throws IOException {
    write(frame(DATA, last ? END_STREAM : 0, stream, bytes));
  }

  public void write(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  /**
   * The next frame.
   *
   * @throws EOFException if the server has closed
   * @throws SocketTimeoutException if none comes in time
   */
  public Frame next(Duration limit) throws IOException {
    socket.setSoTimeout(Math.toIntExact(Math.max(1, limit.toMillis())));
    int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
    int type = in.readUnsignedByte();
    int flags = in.readUnsignedByte();
    int stream = in.readInt();
    byte[] payload = new byte[length];
    in.readFully(payload);
    return new Frame(type, flags, stream, ByteBuffer.wrap(payload).asReadOnlyBuffer());
  }

  /** The next frame of a type. */
  public Frame next(int type, Duration limit) throws IOException {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      Frame frame = next(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      if (frame.type() == type) {
        return frame;
      }
    }
  }

  /** Sends a frame many times; whether the server closes the connection during or after it. */
  public boolean isEndedBy(byte[] frame, int times, Duration limit) throws IOException {
    ByteArrayOutputStream flood = new ByteArrayOutputStream();
    for (int i = 0; i < times; i++) {
      flood.writeBytes(frame);
    }
    try {
      write(flood.toByteArray());
    } catch (IOException e) {
      return true;
    }
    return isClosedWithin(limit);
  }

  /** Whether the server closes the connection in time. Reads what it still says. */
  public boolean isClosedWithin(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    try {
      while (System.nanoTime() < end) {
        next(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      }
      return false;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
