package org.tsnext.server;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.history.ModelSampler;
import org.tsnext.core.history.RecentLines;
import org.tsnext.core.time.Clock;
import org.tsnext.http.console.ConsoleSource;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.logging.ModelLog;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.worker.output.WorkerOutput;

/** What the console shows, put together. Nothing of it is there, or runs, where it is off. */
final class ConsoleWiring {

  private final Optional<RecentLines> lines;

  ConsoleWiring(Settings settings, Clock clock) {
    this.lines =
        settings.get(ListenerKeys.ENABLE_CONSOLE)
            ? Optional.of(new RecentLines(clock))
            : Optional.empty();
  }

  /** What takes the output of workers: the model log, and the last lines for the console. */
  WorkerOutput output(ModelLog log) {
    return lines
        .<WorkerOutput>map(
            recent ->
                (source, stderr, text) -> {
                  recent.add(source, stderr, text);
                  log.lines(source, stderr, text);
                })
        .orElse(log);
  }

  /**
   * Begins to look at the models, if the console is on.
   *
   * @param store where models can be registered from
   * @param parts closes what is opened here
   */
  Optional<ConsoleSource> open(
      ServingCore core, ModelSource store, ServerResources resources, ClosingStack parts) {
    return lines.map(
        recent -> {
          ModelSampler sampler =
              parts.add(
                  "sampler",
                  new ModelSampler(
                      core.models(),
                      resources.metrics().metrics().registry(),
                      Clock.system(),
                      resources.threads().timer(),
                      resources.threads().executor()));
          sampler.start();
          return new ConsoleSource(
              sampler,
              recent,
              () ->
                  CompletableFuture.supplyAsync(() -> list(store), resources.threads().executor()),
              resources.threads().executor());
        });
  }

  private static List<String> list(ModelSource store) {
    try {
      return store.list();
    } catch (ArchiveException e) {
      throw new ServingException(ErrorKind.INTERNAL, e.getMessage(), e);
    }
  }
}
