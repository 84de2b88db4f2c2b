package org.tsnext.worker;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.util.Optional;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkerLauncher;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerOrder;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.transport.Transport;

/**
 * Starts worker processes and talks to them: one listening socket and one {@code init} process for
 * all workers of this server.
 */
public final class WorkerRuntime implements WorkerLauncher, AutoCloseable {

  /**
   * @param eventLoops serves the workers' sockets; stays the caller's, and must outlive this object
   * @param scheduler for grace periods and back-off
   * @param output takes what workers print
   */
  public WorkerRuntime(
      WorkerSettings settings,
      Transport transport,
      EventLoopGroup eventLoops,
      Scheduler scheduler,
      WorkerOutput output) {}

  /**
   * Opens the socket and starts {@code init}. Returns before the zygote is ready.
   *
   * @throws IOException if the socket cannot be opened or Python cannot be started
   */
  public void start() throws IOException {
    throw new UnsupportedOperationException();
  }

  /** The Python that workers run on, once {@code init} has reported it. */
  public Optional<PythonRuntime> python() {
    throw new UnsupportedOperationException();
  }

  /** Where workers dial in, such as {@code unix:/tmp/ts-1234/w}; known after {@link #start}. */
  public String address() {
    throw new UnsupportedOperationException();
  }

  @Override
  public WorkerProcess launch(WorkerOrder order, WorkerListener listener) {
    throw new UnsupportedOperationException();
  }

  /** Ends all processes, waits until they are gone, and removes the socket. Blocks for seconds. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
