package org.tsnext.transport.tls;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The few pieces of DER that keys and a self-signed certificate need. */
final class Der {
  static final int BOOLEAN = 0x01;
  static final int INTEGER = 0x02;
  static final int BIT_STRING = 0x03;
  static final int OCTET_STRING = 0x04;
  static final int NULL = 0x05;
  static final int OID = 0x06;
  static final int UTF8_STRING = 0x0c;
  static final int GENERALIZED_TIME = 0x18;
  static final int SEQUENCE = 0x30;
  static final int SET = 0x31;

  private Der() {}

  /** The tag of a constructed, context-specific element. */
  static int explicit(int number) {
    return 0xa0 | number;
  }

  static byte[] element(int tag, byte[]... contents) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (byte[] content : contents) {
      body.writeBytes(content);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    writeLength(out, body.size());
    out.writeBytes(body.toByteArray());
    return out.toByteArray();
  }

  private static void writeLength(ByteArrayOutputStream out, int length) {
    if (length < 0x80) {
      out.write(length);
      return;
    }
    byte[] bytes = BigInteger.valueOf(length).toByteArray();
    int start = bytes[0] == 0 ? 1 : 0;
    out.write(0x80 | (bytes.length - start));
    out.write(bytes, start, bytes.length - start);
  }

  static byte[] sequence(byte[]... parts) {
    return element(SEQUENCE, parts);
  }

  static byte[] integer(BigInteger value) {
    return element(INTEGER, value.toByteArray());
  }

  static byte[] integer(int value) {
    return integer(BigInteger.valueOf(value));
  }

  static byte[] utf8(String text) {
    return element(UTF8_STRING, text.getBytes(StandardCharsets.UTF_8));
  }

  /** A bit string whose last byte is used in full. */
  static byte[] bits(byte[] bytes) {
    return element(BIT_STRING, new byte[] {0}, bytes);
  }

  /** An object identifier from its dotted form. */
  static byte[] oid(String dotted) {
    String[] arcs = dotted.split("\\.", -1);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    writeArc(out, Integer.parseInt(arcs[0]) * 40 + Integer.parseInt(arcs[1]));
    for (int i = 2; i < arcs.length; i++) {
      writeArc(out, Integer.parseInt(arcs[i]));
    }
    return element(OID, out.toByteArray());
  }

  private static void writeArc(ByteArrayOutputStream out, int arc) {
    for (int shift = 28; shift > 0; shift -= 7) {
      if (arc >>> shift != 0) {
        out.write(0x80 | ((arc >>> shift) & 0x7f));
      }
    }
    out.write(arc & 0x7f);
  }

  /**
   * The content of the element with this tag among the direct parts of a sequence, or null.
   *
   * @throws IllegalArgumentException if {@code sequence} is not one
   */
  static byte[] find(byte[] sequence, int tag) {
    try {
      ByteBuffer parts = ByteBuffer.wrap(content(ByteBuffer.wrap(sequence), SEQUENCE));
      while (parts.hasRemaining()) {
        int found = parts.get(parts.position()) & 0xff;
        byte[] content = content(parts, found);
        if (found == tag) {
          return content;
        }
      }
      return null;
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("the element is cut short", e);
    }
  }

  private static byte[] content(ByteBuffer in, int tag) {
    int found = in.get() & 0xff;
    if (found != tag) {
      throw new IllegalArgumentException("element " + found + ", expected " + tag);
    }
    int length = in.get() & 0xff;
    if (length >= 0x80) {
      int bytes = length & 0x7f;
      length = 0;
      for (int i = 0; i < bytes; i++) {
        length = (length << 8) | (in.get() & 0xff);
      }
    }
    if (length < 0 || length > in.remaining()) {
      throw new IllegalArgumentException("the element is cut short");
    }
    byte[] content = new byte[length];
    in.get(content);
    return content;
  }
}
