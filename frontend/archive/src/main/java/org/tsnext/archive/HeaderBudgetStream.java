package org.tsnext.archive;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * A stream that may be read only so far while a header is being read. A tar library collects long
 * names and extended headers in memory, however long they are; this bounds it.
 */
final class HeaderBudgetStream extends FilterInputStream {

  private final long headerBytes;
  private long budget;
  private boolean limited;

  HeaderBudgetStream(InputStream in, long headerBytes) {
    super(in);
    this.headerBytes = headerBytes;
  }

  /** A header begins. */
  void beginHeader() {
    budget = headerBytes;
    limited = true;
  }

  /** A header ends, content follows. */
  void endHeader() {
    limited = false;
  }

  @Override
  public int read() throws IOException {
    int b = super.read();
    if (b >= 0) {
      spend(1);
    }
    return b;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int read = super.read(target, offset, length);
    spend(Math.max(read, 0));
    return read;
  }

  @Override
  public long skip(long count) throws IOException {
    long skipped = super.skip(count);
    spend(skipped);
    return skipped;
  }

  private void spend(long bytes) throws IOException {
    if (limited) {
      budget -= bytes;
      if (budget < 0) {
        throw new IOException("a header is longer than the " + headerBytes + " bytes allowed");
      }
    }
  }
}
