package org.tsnext.core.worker;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;

/** A number that is the same for requests of the same content, whatever their ids and headers. */
final class RequestFingerprint {

  /** Bytes that are read at each end of a part: the cost of a failure has a limit. */
  private static final int MAX_READ = 64 * 1024;

  private RequestFingerprint() {}

  /** The number of a request whose buffers are held by the caller. */
  static long of(InferenceRequest request) {
    long hash = request.kind().name().hashCode();
    for (InputPart part : request.parts()) {
      ByteBuf value = part.value();
      int length = value.readableBytes();
      int read = Math.min(length, MAX_READ);
      CRC32C crc = new CRC32C();
      add(crc, value, value.readerIndex(), read);
      long head = crc.getValue();
      add(crc, value, value.writerIndex() - read, read);
      hash = mix(hash ^ part.name().hashCode());
      hash = mix(hash ^ part.contentType().hashCode());
      hash = mix(hash ^ length);
      hash = mix(hash ^ (head << 32 | crc.getValue()));
    }
    return hash;
  }

  private static void add(CRC32C crc, ByteBuf value, int index, int length) {
    for (ByteBuffer piece : value.nioBuffers(index, length)) {
      crc.update(piece);
    }
  }

  /** The finisher of SplitMix64: every bit of the input may change every bit of the result. */
  private static long mix(long value) {
    long bits = value + 0x9E3779B97F4A7C15L;
    bits = (bits ^ (bits >>> 30)) * 0xBF58476D1CE4E5B9L;
    bits = (bits ^ (bits >>> 27)) * 0x94D049BB133111EBL;
    return bits ^ (bits >>> 31);
  }
}
