package org.tsnext.server;

import io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.core.time.TimerThread;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.lifecycle.TemporaryFolders;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.transport.Transport;
import org.tsnext.worker.environment.ProcessEnvironment;

/**
 * What all parts of a server share: folders, threads, metrics, and the surroundings of Python.
 *
 * @param packageDirectory where the Python package {@code ts} is
 */
record ServerResources(
    Transport transport,
    TemporaryFolders folders,
    Threads threads,
    ProcessEnvironment processEnvironment,
    Path packageDirectory,
    MetricsWiring metrics) {

  /**
   * The threads of the server.
   *
   * @param executor for what may block for minutes; grows as needed
   */
  record Threads(EventLoopGroup loops, TimerThread timer, ExecutorService executor) {}

  /**
   * Opens all of it.
   *
   * @param environment the process's own
   * @param temporaryDirectory where the server makes its private folder
   * @param parts gets each part as soon as it is open
   * @throws StartException with what was opened in {@code parts}
   */
  static ServerResources open(
      Settings settings,
      ModuleSettings modules,
      Map<String, String> environment,
      Path temporaryDirectory,
      ClosingStack parts)
      throws StartException {
    Optional<String> shortage = modules.descriptors().shortage();
    if (shortage.isPresent()) {
      throw new StartException(shortage.get());
    }
    Transport transport = Transport.choose(settings.get(ListenerKeys.USE_NATIVE_IO));
    TemporaryFolders folders =
        TemporaryFolders.make(temporaryDirectory, modules.workerSockets(transport), parts);
    EventLoopGroup loops = eventLoops(transport, modules.eventLoopThreads(), parts);
    TimerThread timer = parts.add("timer", new TimerThread("timer"));
    ExecutorService executor = backgroundThreads(parts);
    ProcessEnvironment processEnvironment = modules.processEnvironment(environment);
    Path packageDirectory = modules.packageDirectory();
    MetricsWiring metrics =
        MetricsWiring.of(
            settings, modules.metricsConfig(packageDirectory), environment, parts, timer);
    return new ServerResources(
        transport,
        folders,
        new Threads(loops, timer, executor),
        processEnvironment,
        packageDirectory,
        metrics);
  }

  private static EventLoopGroup eventLoops(Transport transport, int threads, ClosingStack parts) {
    EventLoopGroup loops = transport.newEventLoopGroup(threads, "event-loop");
    parts.add(
        "event loops",
        () -> loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).await(5, TimeUnit.SECONDS));
    return loops;
  }

  private static ExecutorService backgroundThreads(ClosingStack parts) {
    AtomicInteger number = new AtomicInteger();
    ExecutorService executor =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "background-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    parts.add("background threads", executor::shutdownNow);
    return executor;
  }
}
