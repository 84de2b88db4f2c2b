package org.tsnext.archive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;

/**
 * A file that may be read only so far until {@link #lift} is called. A zip library reads the whole
 * directory of an archive into memory before it shows the first entry; this bounds it.
 */
final class HeaderBudgetChannel implements SeekableByteChannel {

  private final SeekableByteChannel channel;
  private long budget;
  private boolean limited = true;

  HeaderBudgetChannel(SeekableByteChannel channel, long budget) {
    this.channel = channel;
    this.budget = budget;
  }

  /** Ends the limit. */
  void lift() {
    limited = false;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    int read = channel.read(target);
    if (limited) {
      budget -= Math.max(read, 0);
      if (budget < 0) {
        throw new IOException("its directory has more entries than unpack_max_entries allows");
      }
    }
    return read;
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    throw new IOException("opened for reading");
  }

  @Override
  public long position() throws IOException {
    return channel.position();
  }

  @Override
  public SeekableByteChannel position(long position) throws IOException {
    channel.position(position);
    return this;
  }

  @Override
  public long size() throws IOException {
    return channel.size();
  }

  @Override
  public SeekableByteChannel truncate(long size) throws IOException {
    throw new IOException("opened for reading");
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
