package org.tsnext.worker.process;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.worker.connection.ControlConnection;
import org.tsnext.worker.connection.WorkerConnection;
import org.tsnext.worker.output.OutputSource;
import org.tsnext.worker.output.StderrTail;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PredictBatch;
import org.tsnext.worker.protocol.WorkerMessage.Withdrawal;

/**
 * One worker process, as its two sources report it:{@code init} and the socket.
 *
 * <p>Everything {@code init} says is handled on the control loop, and so is the decision to accept
 * the connection. Until then the listener is called on the control loop; from then on by the
 * connection's event loop, to which the control loop passes on what {@code init} says. So calls of
 * the listener are in order and one at a time.
 */
public final class SpawnedWorker implements WorkerProcess, OutputSource {

  /** How long a worker may live on after its connection is gone. */
  public static final Duration LINGER_LIMIT = Duration.ofSeconds(10);

  /** How long {@code init} may take to report the end of a killed process. */
  static final Duration KILL_REPORT_LIMIT = Duration.ofSeconds(30);

  private static final Logger LOG = LoggerFactory.getLogger(SpawnedWorker.class);

  private final int id;
  private final String secret;
  private final WorkerSpec spec;
  private final WorkerListener listener;
  private final Control control;
  private final StderrTail stderr;

  /** Written on the control loop, once. */
  private volatile WorkerConnection connection;

  /** Written on the control loop, once; null before, and for a worker that needs none. */
  private volatile ControlConnection controlConnection;

  // Control loop only.
  private boolean started;
  private boolean killed;
  private boolean ended;
  private Optional<Scheduler.Scheduled> deadline = Optional.empty();

  /** What a worker needs of its supervisor. */
  interface Control {
    /** Runs a task on the control loop. */
    void execute(Runnable task);

    /** Runs a task on the control loop, later. */
    Scheduler.Scheduled schedule(Duration delay, Runnable task);

    /** Has {@code init} kill the worker; called on the control loop. */
    void signalKill(SpawnedWorker worker);

    /** The process is gone; called on the control loop. */
    void forget(SpawnedWorker worker);
  }

  public SpawnedWorker(
      int id, String secret, WorkerSpec spec, WorkerListener listener, Control control) {
    this.id = id;
    this.secret = secret;
    this.spec = spec;
    this.listener = listener;
    this.control = control;
    this.stderr = new StderrTail(spec.model().directory());
  }

  /** An unsigned 32-bit number. */
  int id() {
    return id;
  }

  String secret() {
    return secret;
  }

  public WorkerSpec spec() {
    return spec;
  }

  public WorkerListener listener() {
    return listener;
  }

  @Override
  public void send(
      int batchId, List<InferenceRequest> items, int[] timeLeftMillis, FollowedBatch followed) {
    WorkerConnection current = connection;
    if (current != null) {
      current.send(new PredictBatch(batchId, items, timeLeftMillis, followed));
    }
  }

  @Override
  public void cancel(int batchId, int item) {
    WorkerConnection current = connection;
    if (current != null) {
      current.send(new Outgoing.Cancel(batchId, item));
    }
  }

  @Override
  public boolean canWithdraw() {
    ControlConnection current = controlConnection;
    return current != null && current.isOpen();
  }

  @Override
  public void withdraw(int batchId) {
    ControlConnection current = controlConnection;
    if (current != null) {
      current.withdraw(batchId);
    }
  }

  @Override
  public void ping(int token) {
    WorkerConnection current = connection;
    if (current != null) {
      current.send(new Outgoing.Ping(token));
    }
  }

  @Override
  public void stop(Duration grace) {
    control.execute(
        () -> {
          if (ended) {
            return;
          }
          if (connection == null) {
            // It has not dialled in: there is nothing to end politely.
            killNow();
          } else {
            connection.finish();
            killAfter(grace);
          }
        });
  }

  @Override
  public void kill() {
    control.execute(this::killNow);
  }

  /** Compares a secret in constant time. */
  public boolean hasSecret(String claimed) {
    return MessageDigest.isEqual(
        secret.getBytes(StandardCharsets.UTF_8), claimed.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether a connection was accepted. Control loop. */
  public boolean hasConnection() {
    return connection != null;
  }

  /** The process exists. Control loop. */
  void started(long pid, Optional<String> plainFork) {
    started(pid);
    if (!ended) {
      plainFork.ifPresent(reason -> deliver(() -> listener.importsNotShared(reason)));
    }
  }

  private void started(long pid) {
    if (ended) {
      return;
    }
    if (killed) {
      // The first signal may have come before there was a process.
      control.signalKill(this);
    }
    if (!started) {
      started = true;
      deliver(() -> listener.started(pid));
    }
  }

  /** The process dialled in; its connection is to be opened next. Control loop. */
  public void connected(long pid, WorkerConnection accepted) {
    // SPAWNED comes by another way and may be late.
    started(pid);
    connection = accepted;
  }

  /** Whether a control connection was accepted. Control loop. */
  public boolean hasControlConnection() {
    return controlConnection != null;
  }

  /** The process has its second connection. Control loop. */
  public void controlConnected(ControlConnection accepted) {
    controlConnection = accepted;
  }

  /** The worker says something of a batch by its second connection. Any thread. */
  public void withdrawal(Withdrawal said) {
    // In order with what it says by the first one, and one at a time.
    connection.execute(() -> listener.withdrawal(said.batch(), said.given()));
  }

  /** The connection is closed. Any thread. */
  public void disconnected() {
    control.execute(
        () -> {
          if (controlConnection != null) {
            controlConnection.close();
          }
          if (!ended && deadline.isEmpty()) {
            killAfter(LINGER_LIMIT);
          }
        });
  }

  @Override
  public String workerName() {
    return spec.workerName();
  }

  @Override
  public void onLine(boolean toStderr, String line) {
    if (toStderr) {
      stderr.add(line);
    }
  }

  @Override
  public void onMetric(MetricSample sample) {
    control.execute(
        () -> {
          if (!ended) {
            deliver(() -> listener.metric(sample));
          }
        });
  }

  /** The process is gone, or never came to be. Control loop; only the first call counts. */
  void ended(ExitStatus status) {
    if (ended) {
      return;
    }
    ended = true;
    deadline.ifPresent(Scheduler.Scheduled::cancel);
    control.forget(this);
    ExitStatus explained = withReason(status);
    if (connection == null) {
      listener.exited(explained);
    } else {
      connection.processExited(explained);
    }
  }

  private void killNow() {
    if (ended) {
      return;
    }
    boolean first = !killed;
    killed = true;
    control.signalKill(this);
    if (first && !ended) {
      setDeadline(
          KILL_REPORT_LIMIT,
          () -> {
            LOG.warn(
                "{}: init has not reported its end {} s after SIGKILL",
                spec.workerName(),
                KILL_REPORT_LIMIT.toSeconds());
            ended(new ExitStatus(-1, 9, "killed, but its end was not reported"));
          });
    }
  }

  private void killAfter(Duration delay) {
    if (!killed) {
      setDeadline(delay, this::killNow);
    }
  }

  private void setDeadline(Duration delay, Runnable task) {
    deadline.ifPresent(Scheduler.Scheduled::cancel);
    deadline = Optional.of(control.schedule(delay, task));
  }

  private void deliver(Runnable call) {
    if (connection == null) {
      call.run();
    } else {
      connection.execute(call);
    }
  }

  private ExitStatus withReason(ExitStatus status) {
    boolean needed = status.reason().isEmpty() && (status.code() != 0 || status.signal() != 0);
    return needed ? new ExitStatus(status.code(), status.signal(), stderr.text()) : status;
  }
}
