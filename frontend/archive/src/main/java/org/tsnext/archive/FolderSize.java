package org.tsnext.archive;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;

/** The size of a model's files. */
public final class FolderSize {

  /** Looked at at most; no model has so many. */
  private static final int MAX_ENTRIES = 1_000_000;

  private FolderSize() {}

  /**
   * Returns the bytes of all files below {@code folder}, as far as they can be read. A link to a
   * file counts as that file; links to folders are not followed. Blocks.
   *
   * @param enough where counting may end: the result may be too small if it is more than this
   */
  public static long of(Path folder, long enough) {
    Counter counter = new Counter(enough);
    try {
      Files.walkFileTree(folder, counter);
    } catch (IOException e) {
      // What was counted is there all the same.
      return counter.bytes;
    }
    return counter.bytes;
  }

  private static final class Counter extends SimpleFileVisitor<Path> {
    private final long enough;
    private long bytes;
    private int entries;

    Counter(long enough) {
      this.enough = enough;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      bytes += attributes.isSymbolicLink() ? sizeOfTarget(file) : attributes.size();
      entries++;
      return bytes > enough || entries >= MAX_ENTRIES
          ? FileVisitResult.TERMINATE
          : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) {
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException e) {
      return FileVisitResult.CONTINUE;
    }

    private static long sizeOfTarget(Path link) {
      try {
        return Files.isRegularFile(link) ? Files.size(link) : 0;
      } catch (IOException e) {
        return 0;
      }
    }
  }
}
