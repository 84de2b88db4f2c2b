package org.tsnext.core.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.core.worker.WorkerLauncher;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;

/**
 * Launches {@link FakeWorker}s. By default they do nothing until the test tells them; with {@link
 * #onLaunch} they can act by themselves, for example {@code onLaunch(FakeWorker::load)}.
 */
public final class FakeWorkerLauncher implements WorkerLauncher {

  private final List<FakeWorker> workers = new ArrayList<>();
  private final List<Integer> released = new ArrayList<>();
  private Consumer<FakeWorker> onLaunch = worker -> {};
  private Optional<Error> failure = Optional.empty();

  @Override
  public WorkerProcess launch(WorkerSpec order, WorkerListener listener) {
    FakeWorker worker;
    Consumer<FakeWorker> action;
    synchronized (this) {
      Optional<Error> thrown = failure;
      failure = Optional.empty();
      if (thrown.isPresent()) {
        throw thrown.get();
      }
      worker = new FakeWorker(1000 + workers.size(), order, listener);
      workers.add(worker);
      action = onLaunch;
    }
    action.accept(worker);
    return worker;
  }

  @Override
  public synchronized void release(int parent) {
    released.add(parent);
  }

  /** The parents that were released, in order. */
  public synchronized List<Integer> released() {
    return List.copyOf(released);
  }

  /** What each worker does as soon as it is launched, on the launching thread. */
  public synchronized void onLaunch(Consumer<FakeWorker> action) {
    onLaunch = action;
  }

  /** Workers that load at once and answer each item with {@code body}. */
  public static FakeWorkerLauncher answering(String body) {
    FakeWorkerLauncher launcher = new FakeWorkerLauncher();
    launcher.onLaunch(
        worker -> {
          worker.onSend(batch -> batch.answerAll(body));
          worker.load();
        });
    return launcher;
  }

  /** The next launch throws, and starts nothing. */
  public synchronized void throwOnLaunch(Error error) {
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
