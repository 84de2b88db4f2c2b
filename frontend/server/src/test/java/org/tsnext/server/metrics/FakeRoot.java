package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A folder that stands for {@code /}, with the files by which a kernel tells numbers. */
final class FakeRoot implements AutoCloseable {
  private final Path root;

  FakeRoot() throws IOException {
    root = Files.createTempDirectory("tsnext-root");
  }

  Path path() {
    return root;
  }

  Path proc() {
    return root.resolve("proc");
  }

  Path groups() {
    return root.resolve("sys/fs/cgroup");
  }

  Path write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    return Files.writeString(path, text);
  }

  Path script(String file, String text) throws IOException {
    Path script = write(file, "#!/bin/sh\n" + text + "\n");
    if (!script.toFile().setExecutable(true)) {
      throw new IOException(script + " cannot be made executable");
    }
    return script;
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
