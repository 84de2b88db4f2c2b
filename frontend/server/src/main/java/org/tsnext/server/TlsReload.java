package org.tsnext.server;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.tsnext.core.time.Scheduler;
import org.tsnext.transport.tls.TlsKeys;

/** Looks at the files of the TLS key again and again. */
final class TlsReload {
  private final TlsKeys keys;
  private final Duration interval;
  private final Scheduler timer;
  private final Executor background;

  /**
   * @param background reads the files, since the timer must not block
   */
  TlsReload(TlsKeys keys, Duration interval, Scheduler timer, Executor background) {
    this.keys = keys;
    this.interval = interval;
    this.timer = timer;
    this.background = background;
  }

  /** Begins; ends with the timer. */
  void start() {
    timer.schedule(interval, this::lookInBackground);
  }

  private void lookInBackground() {
    try {
      background.execute(this::look);
    } catch (RejectedExecutionException e) {
      // The server is going down.
    }
  }

  private void look() {
    try {
      keys.reloadIfChanged();
    } finally {
      start();
    }
  }
}
