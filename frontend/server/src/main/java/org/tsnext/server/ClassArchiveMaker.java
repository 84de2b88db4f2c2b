package org.tsnext.server;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has an archive of the frontend's classes made, with which later servers start in half the time.
 * Another process does it, once this server has been up for a while: see {@code
 * ts._cli.make_class_archive}. If it cannot be made, nothing is lost and nothing is said.
 *
 * @param archive where it belongs; the command that starts servers looks there
 * @param python the interpreter that runs the maker
 * @param packageDirectory the folder of the Python package {@code ts}
 */
record ClassArchiveMaker(Path archive, String python, Path packageDirectory) {

  private static final Logger LOGGER = LoggerFactory.getLogger(ClassArchiveMaker.class);

  /** Set by the command if there is no archive yet. */
  private static final String PROPERTY = "tsnext.classArchive";

  /** The models of the start are loaded by then, or nearly. */
  private static final Duration DELAY = Duration.ofSeconds(15);

  /** What the command wants, if anything. */
  static Optional<ClassArchiveMaker> wanted(String python, Path packageDirectory) {
    return Optional.ofNullable(System.getProperty(PROPERTY))
        .map(path -> new ClassArchiveMaker(Path.of(path), python, packageDirectory));
  }

  /** Begins to wait. Neither the thread nor the process keeps the server from ending. */
  void makeLater() {
    Thread thread = new Thread(this::waitAndMake, "class-archive");
    thread.setDaemon(true);
    thread.start();
  }

  /** The process ends with this thread on Linux: so the thread waits for it. */
  private void waitAndMake() {
    try {
      TimeUnit.MILLISECONDS.sleep(DELAY.toMillis());
      int status = process().start().waitFor();
      LOGGER.debug("The class archive {} was {}made", archive, status == 0 ? "" : "not ");
    } catch (IOException e) {
      LOGGER.debug("The class archive cannot be made: {}", e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private ProcessBuilder process() {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Path classList = packageDirectory.resolve("frontend").resolve("classes.lst");
    ProcessBuilder builder =
        new ProcessBuilder(
            List.of(
                python,
                "-m",
                "ts._cli.make_class_archive",
                archive.toString(),
                java.toString(),
                System.getProperty("java.class.path"),
                classList.toString()));
    builder.environment().put("PYTHONPATH", packageDirectory.getParent().toString());
    // These have the JVM print a line, or change what it maps.
    builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
    return builder
        .directory(new File("/"))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD);
  }
}
