package org.tsnext.archive.remote;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Set;
import org.tsnext.archive.Sha256;

/** A file that a download grows in, hashed on the way. Used by one thread at a time. */
final class StagedFile implements AutoCloseable {

  private final Path path;
  private final FileChannel channel;
  private final long maxBytes;
  private final MessageDigest digest = Sha256.newDigest();
  private long size;

  private StagedFile(Path path, FileChannel channel, long maxBytes) {
    this.path = path;
    this.channel = channel;
    this.maxBytes = maxBytes;
  }

  /** Makes a new file (0600). */
  static StagedFile create(Path path, long maxBytes) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    return new StagedFile(path, channel, maxBytes);
  }

  Path path() {
    return path;
  }

  /** Checks a size that is announced. */
  void requireRoomFor(long bytes) throws DownloadException {
    if (bytes > maxBytes) {
      throw new DownloadException(
          "the archive has more than the "
              + maxBytes
              + " bytes that model_download_max_bytes allows");
    }
  }

  /** Appends the readable bytes of {@code piece}, which stays the caller's. */
  void append(ByteBuf piece) throws DownloadException {
    requireRoomFor(size + piece.readableBytes());
    try {
      for (ByteBuffer buffer : piece.nioBuffers()) {
        digest.update(buffer.duplicate());
        while (buffer.hasRemaining()) {
          size += channel.write(buffer);
        }
      }
    } catch (IOException e) {
      throw new DownloadException("it cannot be written to the cache: " + e.getMessage(), e);
    }
  }

  /** The SHA-256 of all that was appended, in lower-case hexadecimal digits. Asked once. */
  String sha256() {
    return Sha256.hex(digest.digest());
  }

  /** Closes the file and removes it if it is still at its place. */
  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(path);
  }
}
