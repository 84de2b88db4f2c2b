package org.tsnext.core.ownership;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Another process that holds the lock of a file until it is closed. */
public final class LockHolder implements AutoCloseable {
  private final Process process;

  private LockHolder(Process process) {
    this.process = process;
  }

  /** Starts a process that locks {@code file}, which exists, and returns when it has the lock. */
  public static LockHolder of(Path file) throws IOException {
    Path classes =
        Path.of(LockHolder.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classes.toString(),
                LockHolder.class.getName(),
                file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader said =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    if (!"locked".equals(said.readLine())) {
      process.destroyForcibly();
      throw new IOException("no lock on " + file);
    }
    return new LockHolder(process);
  }

  /** Whether it still holds the lock. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Kills the process and returns when it has gone. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  /** Locks the file that is named and waits for the end. */
  public static void main(String[] words) throws IOException, InterruptedException {
    try (FileChannel file = FileChannel.open(Path.of(words[0]), StandardOpenOption.WRITE)) {
      System.out.println(file.tryLock() == null ? "refused" : "locked");
      Thread.sleep(120_000);
    }
  }
}
