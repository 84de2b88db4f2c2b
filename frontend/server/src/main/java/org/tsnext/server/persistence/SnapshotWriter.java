package org.tsnext.server.persistence;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.model.ModelChangeListener;
import org.tsnext.server.persistence.SnapshotFolder.Moment;
import org.tsnext.server.snapshot.SavedModel;

/**
 * Writes snapshots on a thread of its own. Changes that come while one is written share the next.
 * What cannot be written is told once, and again only after it has worked in between: serving goes
 * on without it.
 */
public final class SnapshotWriter implements ModelChangeListener, AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(SnapshotWriter.class);
  private static final long CLOSE_LIMIT_SEC = 5;

  private final SnapshotFolder folder;
  private final Supplier<List<SavedModel>> state;
  private final int kept;
  private final boolean each;
  private final String serverVersion;
  private final AtomicBoolean waiting = new AtomicBoolean();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread made = new Thread(task, "snapshots");
            made.setDaemon(true);
            return made;
          });

  private volatile boolean begun;

  /** Used by the thread alone. */
  private List<SavedModel> written = List.of();

  private boolean failing;

  /**
   * @param state the models as they are when it is asked
   * @param kept how many files to keep, at least 1
   * @param each whether each call that changes models leaves a file, whatever it changed
   */
  public SnapshotWriter(
      SnapshotFolder folder,
      Supplier<List<SavedModel>> state,
      int kept,
      boolean each,
      String serverVersion) {
    this.folder = folder;
    this.state = state;
    this.kept = kept;
    this.each = each;
    this.serverVersion = serverVersion;
  }

  /**
   * Writes the first one. Before this the models are not complete, and a snapshot of them would
   * lose those that are still to come.
   */
  public void begin() {
    begun = true;
    submit(() -> write(Moment.STARTUP));
  }

  @Override
  public void modelsChanged() {
    if (begun && (waiting.compareAndSet(false, true) || each)) {
      submit(
          () -> {
            // First, so that a change from now on is not taken for one that is in here.
            waiting.set(false);
            write(Moment.SNAPSHOT);
          });
    }
  }

  /** Writes the last one, if there was a first. Returns when it is there, or after 5 s. */
  @Override
  public void close() {
    if (begun) {
      submit(() -> write(Moment.SHUTDOWN));
    }
    begun = false;
    submit(this::closeFolder);
    thread.shutdown();
    try {
      if (!thread.awaitTermination(CLOSE_LIMIT_SEC, TimeUnit.SECONDS)) {
        LOGGER.warn("The last snapshot is not written after {} s", CLOSE_LIMIT_SEC);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeFolder() {
    try {
      folder.close();
    } catch (IOException e) {
      LOGGER.debug("The lock file in {} is left behind: {}", folder, e.toString());
    }
  }

  private void submit(Runnable task) {
    try {
      thread.execute(task);
    } catch (RejectedExecutionException e) {
      LOGGER.debug("A change came after the last snapshot");
    }
  }

  private void write(Moment moment) {
    try {
      List<SavedModel> models = state.get();
      if (moment == Moment.SNAPSHOT && !each && models.equals(written)) {
        return;
      }
      LOGGER.debug("State saved in {}", folder.write(moment, models, serverVersion));
      written = models;
      failing = false;
      folder.prune(kept);
    } catch (IOException | RuntimeException e) {
      if (!failing) {
        LOGGER.warn("The state of the models cannot be saved in {}: {}", folder, e.toString());
      }
      failing = true;
    }
  }
}
