package org.tsnext.transport;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Paths of Unix-domain sockets, whose length the kernel limits. */
public final class UnixSocketPath {

  /** The kernel's limit is 108 with the final zero. */
  public static final int MAX_BYTES = 107;

  private UnixSocketPath() {}

  /** The length that counts. */
  public static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }
}
