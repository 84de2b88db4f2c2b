package org.tsnext.archive;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;

/** Removes folders. */
final class FileTree {

  private FileTree() {}

  /**
   * Deletes {@code root} and everything in it as far as possible. Links are removed, never
   * followed.
   *
   * @throws IOException the first failure, after the rest has been tried
   */
  static void delete(Path root) throws IOException {
    Deleter deleter = new Deleter();
    Files.walkFileTree(root, deleter);
    if (deleter.failure != null) {
      throw deleter.failure;
    }
  }

  private static final class Deleter extends SimpleFileVisitor<Path> {
    private IOException failure;

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      return remove(file);
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) {
      note(e);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException e) {
      note(e);
      return remove(directory);
    }

    private FileVisitResult remove(Path path) {
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        note(e);
      }
      return FileVisitResult.CONTINUE;
    }

    private void note(IOException e) {
      if (failure == null) {
        failure = e;
      }
    }
  }
}
