package org.tsnext.http.console;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.tsnext.core.history.ModelSampler;
import org.tsnext.core.history.RecentLines;

/**
 * What the console shows beside what the management API tells.
 *
 * @param sampler looks at the models; the caller's to start and to close
 * @param lines of the models' logs
 * @param store lists the archives and folders that can be registered; does not block
 * @param executor for what blocks for a moment; the caller's to end
 */
public record ConsoleSource(
    ModelSampler sampler,
    RecentLines lines,
    Supplier<CompletableFuture<List<String>>> store,
    Executor executor) {

  public ConsoleSource {
    Objects.requireNonNull(sampler, "sampler");
    Objects.requireNonNull(lines, "lines");
    Objects.requireNonNull(store, "store");
    Objects.requireNonNull(executor, "executor");
  }
}
