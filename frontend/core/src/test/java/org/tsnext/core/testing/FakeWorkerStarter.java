package org.tsnext.core.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.core.worker.WorkerStarter;

/**
 * Launches {@link FakeWorker}s. By default they do nothing until the test tells them; with {@link
 * #onStart} they can act by themselves, for example {@code onStart(FakeWorker::load)}.
 */
public final class FakeWorkerStarter implements WorkerStarter {

  private final List<FakeWorker> workers = new ArrayList<>();
  private final List<String> imported = new ArrayList<>();
  private final List<Integer> released = new ArrayList<>();
  private Consumer<FakeWorker> onStart = worker -> {};
  private Optional<Error> failure = Optional.empty();

  @Override
  public WorkerProcess startWorker(WorkerSpec spec, WorkerListener listener) {
    FakeWorker worker;
    Consumer<FakeWorker> action;
    synchronized (this) {
      Optional<Error> thrown = failure;
      failure = Optional.empty();
      if (thrown.isPresent()) {
        throw thrown.get();
      }
      worker = new FakeWorker(1000 + workers.size(), spec, listener);
      workers.add(worker);
      action = onStart;
    }
    action.accept(worker);
    return worker;
  }

  @Override
  public synchronized void release(int templateId) {
    released.add(templateId);
  }

  @Override
  public synchronized void imported(int versionId, List<String> modules) {
    imported.add(versionId + " " + modules);
  }

  /** What was told of imports, as number and modules, in order. */
  public synchronized List<String> imported() {
    return List.copyOf(imported);
  }

  /** The parents that were released, in order. */
  public synchronized List<Integer> released() {
    return List.copyOf(released);
  }

  /** What each worker does as soon as it is launched, on the launching thread. */
  public synchronized void onStart(Consumer<FakeWorker> action) {
    onStart = action;
  }

  /** Workers that load at once and answer each item with {@code body}. */
  public static FakeWorkerStarter responding(String body) {
    FakeWorkerStarter starter = new FakeWorkerStarter();
    starter.onStart(
        worker -> {
          worker.onSend(batch -> batch.respondToAll(body));
          worker.load();
        });
    return starter;
  }

  /** The next launch throws, and starts nothing. */
  public synchronized void throwOnStart(Error error) {
    failure = Optional.of(error);
  }

  /** Every worker so far, oldest first, dead ones included. */
  public synchronized List<FakeWorker> workers() {
    return List.copyOf(workers);
  }

  /** Workers that have not exited. */
  public List<FakeWorker> alive() {
    return workers().stream().filter(worker -> !worker.hasExited()).toList();
  }

  /** The worker launched last. */
  public synchronized FakeWorker latest() {
    return workers.get(workers.size() - 1);
  }
}
