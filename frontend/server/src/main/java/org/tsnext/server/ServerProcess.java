package org.tsnext.server;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Clock;
import org.tsnext.server.StatusFile.Models;
import org.tsnext.server.StatusFile.NamedFiles;
import org.tsnext.server.StatusFile.State;
import org.tsnext.server.StatusFile.Status;
import org.tsnext.server.check.Finding;
import org.tsnext.server.check.Report;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.logging.Logging;
import org.tsnext.server.machine.GpuDetector;
import org.tsnext.server.machine.NvidiaSmi;
import org.tsnext.server.machine.Signals;
import org.tsnext.server.persistence.SnapshotFolder;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.InvalidSettingsException;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader;

/** One run of the server, from its settings to its end. */
final class ServerProcess {
  private static final int START_FAILED = 1;
  private static final int LOAD_FAILED = 1;
  private static final Duration LOGGING_STOP_LIMIT = Duration.ofSeconds(5);

  /** Well inside what {@code torchserve --start} waits. */
  private static final Duration REGISTRATIONS_LIMIT = Duration.ofSeconds(60);

  private static final Duration GPU_TOOL_TIMEOUT = Duration.ofSeconds(10);

  private final ServerOptions options;
  private final Map<String, String> environment;
  private final PrintStream out;
  private final boolean announces;
  private final Optional<StatusFile> statusFile;
  private final CountDownLatch ended = new CountDownLatch(1);

  /**
   * @param environment the process's own
   * @param out for the few lines that tools wait for
   * @param announces whether one of them is that the server has started
   */
  ServerProcess(
      ServerOptions options, Map<String, String> environment, PrintStream out, boolean announces) {
    this.options = options;
    this.environment = Map.copyOf(environment);
    this.out = out;
    this.announces = announces;
    this.statusFile = options.statusFile().map(StatusFile::new);
  }

  /** Returns the exit status; while the server runs, it does not return. */
  int run() {
    try {
      return runWithStatus();
    } catch (IOException e) {
      out.println("Cannot write the status file: " + e);
      return START_FAILED;
    }
  }

  private int runWithStatus() throws IOException {
    if (options.task() instanceof ServerOptions.Task.Check check) {
      return check(check);
    }
    Status status = Status.starting();
    write(status);
    Settings settings;
    try {
      settings = loadSettings();
    } catch (InvalidSettingsException e) {
      // Nothing runs yet, so that nothing is logged: where to is a part of what is not known.
      e.problems().forEach(out::println);
      write(status.failed(e.getMessage()));
      removePidFile(out::println);
      return START_FAILED;
    }
    SnapshotPlan snapshots = plan(settings, options, environment);
    if (options.task() instanceof ServerOptions.Task.PrintConfig) {
      print(settings, snapshots);
      return 0;
    }
    return serve(settings, snapshots);
  }

  /** What a start would do about snapshots. */
  static SnapshotPlan plan(
      Settings settings, ServerOptions options, Map<String, String> environment) {
    return SnapshotPlan.of(
        settings,
        options.snapshots(),
        ConfigFile.isNamed(environment, options.configFile()),
        new SnapshotFolder(
            SnapshotFolder.below(Optional.ofNullable(environment.get("LOG_LOCATION"))),
            Clock.system()::now,
            ZoneId.systemDefault()));
  }

  private int check(ServerOptions.Task.Check check) {
    try {
      Report report = new StartCheck(options, environment, gpus(), temporaryDirectory()).run(check);
      out.print(check.json() ? report.json() : report.text());
      out.flush();
      return report.result() == Finding.Level.FAILS ? START_FAILED : 0;
    } catch (IOException e) {
      out.println("Cannot check: there is no folder for temporary files: " + e);
      return START_FAILED;
    }
  }

  private GpuDetector gpus() {
    return new GpuDetector(environment, new NvidiaSmi(environment, GPU_TOOL_TIMEOUT));
  }

  private static Path temporaryDirectory() {
    return Path.of(System.getProperty("java.io.tmpdir"));
  }

  private void print(Settings settings, SnapshotPlan snapshots) {
    StartWarnings.of(settings, snapshots).forEach(line -> out.println("# Warning: " + line));
    settings.notes().forEach(line -> out.println("# " + line));
    snapshots.notes().forEach(line -> out.println("# " + line));
    out.print(settings.describe());
    out.flush();
  }

  private Settings loadSettings() {
    Path workingDirectory = Path.of("").toAbsolutePath();
    Optional<ConfigFile> file =
        ConfigFile.find(environment, options.configFile(), workingDirectory);
    return SettingsLoader.load(file, options.settings(), environment);
  }

  private int serve(Settings settings, SnapshotPlan snapshots) throws IOException {
    Logging.start();
    Logger logger = LoggerFactory.getLogger(ServerProcess.class);
    Status status =
        new Status(
            State.STARTING,
            Optional.empty(),
            Map.of(),
            Models.NONE,
            StartWarnings.of(settings, snapshots),
            new NamedFiles(settings.file().map(ConfigFile::path), Optional.empty()),
            ModuleSettings.stopTime(settings));
    write(status);
    Server server = new Server(settings, environment, gpus(), temporaryDirectory(), snapshots);
    closeAtExit(server, logger);
    try {
      Map<String, String> addresses = server.start();
      awaitRegistrations(server.loadModels(), logger);
      Optional<String> fatal = server.fatalModels().failed();
      if (fatal.isPresent()) {
        throw new StartException("The server ends, without " + fatal.get());
      }
      if (announces) {
        out.println("Model server started.");
        out.flush();
      }
      Models models = new Models(server.modelsToLoad(), server.failedModels());
      write(status.started(addresses, models, server.keyFile()));
      server.fatalModels().watch(reason -> exit(reason, logger));
    } catch (StartException e) {
      logger.error("{}", e.getMessage());
      write(status.failed(e.getMessage()));
      return START_FAILED;
    } catch (Throwable e) {
      logger.error("The start failed", e);
      write(status.failed("The start failed: " + e));
      return START_FAILED;
    }
    awaitEnd();
    return 0;
  }

  /**
   * Clients call as soon as the server says that it has started, and a model of the start must not
   * be unknown to them then. Workers are not waited for: requests queue for them.
   */
  private static void awaitRegistrations(CompletableFuture<Void> registrations, Logger logger) {
    try {
      registrations.get(REGISTRATIONS_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      logger.warn(
          "Models of the start are still unpacked or set up after {} s; they are unknown until then",
          REGISTRATIONS_LIMIT.toSeconds());
    } catch (ExecutionException e) {
      logger.error("Models of the start could not be registered", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The JVM ends by a signal or by the exit status of a failed start; both close the server. */
  private void closeAtExit(Server server, Logger logger) {
    Runtime runtime = Runtime.getRuntime();
    runtime.addShutdownHook(new Thread(() -> close(server, logger), "shutdown"));
    new Signals(
            exitStatus -> {
              logger.info("Stopping on a signal; a second one ends at once");
              runtime.exit(exitStatus);
            },
            runtime::halt)
        .install();
  }

  private void close(Server server, Logger logger) {
    haltAfter(server.closeLimit());
    try {
      server.close();
      logger.info("Torchserve stopped.");
    } catch (Throwable e) {
      logger.error("The server did not stop cleanly", e);
    }
    removePidFile(logger::warn);
    try {
      Logging.stop(LOGGING_STOP_LIMIT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    ended.countDown();
  }

  /** A part that hangs must not keep the process; its workers end with it. */
  private static void haltAfter(Duration limit) {
    Thread watchdog =
        new Thread(
            () -> {
              try {
                TimeUnit.MILLISECONDS.sleep(limit.toMillis());
                Runtime.getRuntime().halt(START_FAILED);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "shutdown-limit");
    watchdog.setDaemon(true);
    watchdog.start();
  }

  /** Not on the thread that has noticed it, for which the parts of the server may wait. */
  private static void exit(String reason, Logger logger) {
    logger.error("The server ends, without {}", reason);
    new Thread(() -> Runtime.getRuntime().exit(LOAD_FAILED), "exit-on-load-failure").start();
  }

  private void awaitEnd() {
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void removePidFile(Consumer<String> complaints) {
    if (options.pidFile().isEmpty()) {
      return;
    }
    Path path = options.pidFile().get();
    try {
      new PidFile(path).removeIfOurs();
    } catch (IOException e) {
      complaints.accept("The pid file " + path + " was not removed: " + e);
    }
  }

  private void write(Status status) throws IOException {
    if (statusFile.isPresent()) {
      statusFile.get().write(status);
    }
  }
}
