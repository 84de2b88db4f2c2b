package org.tsnext.core.testing;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.tracing.WorkerAttempt;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerListener.LoadFailure;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;

/**
 * A worker process without a process. It remembers what it was sent, and does what the test says.
 * Methods that speak to the listener are for one thread at a time, as a real worker's calls are.
 */
public final class FakeWorker implements WorkerProcess {

  private final long pid;
  private final WorkerSpec spec;
  private final WorkerListener listener;
  private final List<SentBatch> batches = new ArrayList<>();
  private final List<Cancelled> cancels = new ArrayList<>();
  private final List<Integer> pings = new ArrayList<>();
  private final List<Integer> withdrawn = new ArrayList<>();
  private final Set<Item> ended = new HashSet<>();
  private Consumer<SentBatch> onSend = batch -> {};
  private boolean diesOnRequest = true;
  private boolean givesBack;
  private boolean connected;
  private boolean exited;
  private boolean killed;
  private boolean stopped;

  FakeWorker(long pid, WorkerSpec spec, WorkerListener listener) {
    this.pid = pid;
    this.spec = spec;
    this.listener = listener;
  }

  /** A batch as it was sent. The bodies are copies: first part of each item, as text. */
  public record SentBatch(
      FakeWorker worker,
      int id,
      List<String> requestIds,
      List<String> bodies,
      List<Integer> timesLeft) {

    public int size() {
      return requestIds.size();
    }

    /** Answers every item with {@code body}. */
    public void respondToAll(String body) {
      for (int item = 0; item < size(); item++) {
        worker.respond(id, item, body);
      }
    }
  }

  private record Item(int batchId, int item) {}

  /** A cancellation as it was sent. */
  public record Cancelled(int batchId, int item) {}

  // ---- what a test reads

  public long pid() {
    return pid;
  }

  public WorkerSpec spec() {
    return spec;
  }

  public synchronized List<SentBatch> batches() {
    return List.copyOf(batches);
  }

  /** The batch sent last. */
  public synchronized SentBatch lastBatch() {
    return batches.get(batches.size() - 1);
  }

  public synchronized List<Cancelled> cancels() {
    return List.copyOf(cancels);
  }

  public synchronized List<Integer> pings() {
    return List.copyOf(pings);
  }

  /** Batches that it was asked to give back. */
  public synchronized List<Integer> withdrawn() {
    return List.copyOf(withdrawn);
  }

  public synchronized boolean hasExited() {
    return exited;
  }

  public synchronized boolean wasKilled() {
    return killed;
  }

  public synchronized boolean wasStopped() {
    return stopped;
  }

  // ---- what a test lets it do

  /** What happens on each batch, on the sending thread. */
  public synchronized void onSend(Consumer<SentBatch> action) {
    onSend = action;
  }

  /** Whether {@link #stop} and {@link #kill} end it at once, which is the default. */
  public synchronized void diesOnRequest(boolean value) {
    diesOnRequest = value;
  }

  /** Whether it can be asked for a batch that it has not begun; not by default. */
  public synchronized void givesBack(boolean value) {
    givesBack = value;
  }

  /** Says that it will not run a batch that it was asked for, or that it has begun with it. */
  public void withdrawal(int batchId, boolean given) {
    if (given) {
      close(batchId, -1);
    }
    listener.withdrawal(batchId, given);
  }

  /** Starts and connects, but does not load. */
  public void connect() {
    listener.started(pid);
    synchronized (this) {
      connected = true;
    }
    listener.connected("unix:fake");
  }

  /** Says that it imports for itself. */
  public void importsForItself(String reason, List<String> modules) {
    listener.importsNotShared(reason);
    listener.imported(modules);
  }

  /** Starts, connects and loads the model. */
  public void load() {
    connect();
    listener.loaded(Duration.ofMillis(10));
  }

  /** Fails to load the model, and exits. */
  public void failLoad(int code, String detail) {
    connect();
    listener.loadFailed(
        new LoadFailure(
            code, "Load failed", detail, "Traceback (most recent call last)\n" + detail));
    exit(new ExitStatus(3, 0, ""));
  }

  /** Answers an item, or ends its stream. */
  public void respond(int batchId, int item, String body, Header... headers) {
    close(batchId, item);
    listener.response(batchId, item, head(headers), text(body));
  }

  /** Answers every item that has been neither answered nor failed, in order. */
  public void respondToOpen() {
    for (SentBatch batch : batches()) {
      for (int item = 0; item < batch.size(); item++) {
        if (isOpen(batch.id(), item)) {
          respond(batch.id(), item, "ok");
        }
      }
    }
  }

  /** Sends a piece of a stream. */
  public void chunk(int batchId, int item, String body, Header... headers) {
    listener.chunk(batchId, item, head(headers), text(body));
  }

  private static ResponseHead head(Header... headers) {
    return new ResponseHead(0, "", BodyKind.TEXT, List.of(headers));
  }

  /** Says that a batch did not get to it. */
  public void notSent(int batchId, ServingException why) {
    close(batchId, -1);
    listener.notSent(batchId, why);
  }

  /** Fails an item, or all open ones with -1. */
  public void error(int batchId, int item, int code, String message, String detail) {
    close(batchId, item);
    listener.error(
        batchId, item, new HandlerError(code, message, detail, "Traceback: " + detail, List.of()));
  }

  /** Answers an item with a status of the handler's own. */
  public void respondWithStatus(int batchId, int item, int status) {
    close(batchId, item);
    listener.response(
        batchId, item, new ResponseHead(status, "", BodyKind.TEXT, List.of()), text("x"));
  }

  /** Says that it can serve no more, and exits. */
  public void unusable(String reason) {
    listener.unusable(reason);
    exit(new ExitStatus(5, 0, "This worker can serve no more"));
  }

  public void pong(int token) {
    listener.pong(token);
  }

  public void metric(MetricSample sample) {
    listener.metric(sample);
  }

  /** Closes the connection, but lives on. */
  public void disconnect() {
    synchronized (this) {
      if (!connected) {
        return;
      }
      connected = false;
    }
    listener.disconnected("end of file");
  }

  /** Dies as by {@code kill -9}. */
  public void die() {
    exit(new ExitStatus(-1, 9, ""));
  }

  /** Tells when the handler of an item, or of all (-1), ran. */
  public void handled(int batchId, int item, long beganEpochNanos, long endedEpochNanos) {
    listener.handled(
        batchId, item, new WorkerAttempt.HandlerTime(beganEpochNanos, endedEpochNanos));
  }

  /** Ends, once. */
  public void exit(ExitStatus status) {
    synchronized (this) {
      if (exited) {
        return;
      }
      exited = true;
    }
    disconnect();
    listener.exited(status);
  }

  // ---- what the core tells it

  @Override
  public void send(
      int batchId, List<InferenceRequest> items, int[] timeLeftMillis, FollowedBatch followed) {
    SentBatch batch;
    Consumer<SentBatch> action;
    synchronized (this) {
      if (exited) {
        return;
      }
      List<Integer> timesLeft = new ArrayList<>();
      for (int millis : timeLeftMillis) {
        timesLeft.add(millis);
      }
      batch =
          new SentBatch(
              this,
              batchId,
              items.stream().map(InferenceRequest::id).toList(),
              items.stream().map(FakeWorker::firstBody).toList(),
              timesLeft);
      batches.add(batch);
      action = onSend;
    }
    action.accept(batch);
  }

  @Override
  public synchronized void cancel(int batchId, int item) {
    cancels.add(new Cancelled(batchId, item));
  }

  @Override
  public synchronized boolean canWithdraw() {
    return givesBack;
  }

  @Override
  public synchronized void withdraw(int batchId) {
    withdrawn.add(batchId);
  }

  @Override
  public synchronized void ping(int token) {
    pings.add(token);
  }

  @Override
  public void stop(Duration grace) {
    boolean dies;
    synchronized (this) {
      stopped = true;
      dies = diesOnRequest;
    }
    if (dies) {
      exit(new ExitStatus(0, 0, ""));
    }
  }

  @Override
  public void kill() {
    boolean dies;
    synchronized (this) {
      killed = true;
      dies = diesOnRequest;
    }
    if (dies) {
      exit(new ExitStatus(-1, 9, "killed by the frontend"));
    }
  }

  private synchronized void close(int batchId, int item) {
    ended.add(new Item(batchId, item));
  }

  private synchronized boolean isOpen(int batchId, int item) {
    return !ended.contains(new Item(batchId, item)) && !ended.contains(new Item(batchId, -1));
  }

  private static String firstBody(InferenceRequest request) {
    return request.parts().isEmpty()
        ? ""
        : request.parts().get(0).value().toString(StandardCharsets.UTF_8);
  }

  private static ByteBuf text(String body) {
    return Unpooled.copiedBuffer(body, StandardCharsets.UTF_8);
  }
}
